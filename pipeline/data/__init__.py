"""Sources of photographs, verified downloads, and the lossless HR store."""
