"""Mean-opinion-score studies."""

from typing import Literal

Kind = Literal["rating", "pairs"]
"""Absolute category rating from 1 to 5, or two pictures side by side."""
