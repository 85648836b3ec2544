"""The contents of the panes: immutable lines of styled text, pure functions of a View, without textual."""
