"""One file a page: it reads the run and lays out rooms."""
