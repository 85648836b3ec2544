"""Python's side of the playground: the public `Harness`, `run` and `explore`, and how they look in a notebook."""
