"""What training tells the outside while it runs."""

from collections.abc import Mapping
from typing import Protocol

from pipeline.images.picture import Picture


class Recorder(Protocol):
    """Takes what training reports; implementations buffer, and never raise for an outage."""

    def log_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers of one step, such as `loss/l1` or `valid/psnr_y`."""

    def log_picture(self, step: int, key: str, picture: Picture) -> None:
        """Record a picture, such as a validation image's LR, bicubic, SR and HR side by side."""


class NullRecorder:
    """Records nothing."""

    def log_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Do nothing."""

    def log_picture(self, step: int, key: str, picture: Picture) -> None:
        """Do nothing."""
