"""One matrix as a file: for a spreadsheet, for numpy, for a slide. Pure functions; nothing here draws on a page."""
