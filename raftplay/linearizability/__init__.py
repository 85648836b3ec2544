"""Linearizability: whether what clients saw can be explained by one order of their operations."""
