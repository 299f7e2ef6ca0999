"""Any cell of any matrix, explained by the cells that it was computed from."""
