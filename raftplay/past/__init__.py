"""Looking at a cluster: as it is, or as it was at any moment that its history still has."""
