"""Scores by a stated protocol, image by image and set by set."""
