"""A shell: a line to type into, while the cluster lives on. prompt_toolkit is used here and nowhere else."""
