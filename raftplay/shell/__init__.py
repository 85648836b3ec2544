"""A shell: a prompt for commands while the cluster keeps running. Only this package uses prompt_toolkit."""
