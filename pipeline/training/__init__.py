"""The training step, the loop, its schedule and its checkpoints."""
