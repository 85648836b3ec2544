"""Output to the terminal: the cells that changed, at the pace at which the line takes them."""
