"""What every pane shows, as immutable lines of styled text: pure functions of a View, without textual."""
