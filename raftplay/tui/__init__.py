"""The screen: panes over a live cluster. Only this package knows textual; its `model` knows a View."""
