"""The matrices on the page: read, turned into pictures, and laid out as equations."""
