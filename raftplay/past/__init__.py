"""A cluster as it is, or as it was at any moment that its history still keeps."""
