"""The cell explainer: how any number on a page came about."""
