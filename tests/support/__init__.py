"""What several tests share: clusters, stories, terminals, checks."""
