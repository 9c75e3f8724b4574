"""The design laboratory: one network composed of the surveys' design choices."""
