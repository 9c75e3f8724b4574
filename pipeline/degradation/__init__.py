"""LR = degradation(HR): operators, and the chain that composes them."""
