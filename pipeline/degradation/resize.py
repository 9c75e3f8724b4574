"""Resizing as a step of a degradation."""

from pipeline.resize import imresize

__all__ = ["imresize"]
