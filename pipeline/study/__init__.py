"""Mean-opinion-score studies."""
