"""Networks that work in LR space and enlarge at the end."""
