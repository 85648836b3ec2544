"""The stage: the cluster as boxes with messages moving between them; `stage.paint` turns a `Scene` into lines."""
