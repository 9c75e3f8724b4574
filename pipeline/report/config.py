"""Settings of the `report` stage."""

from pydantic import Field

from pipeline.schema import StrictConfig


class ReportConfig(StrictConfig):
    """Settings of the `report` stage."""

    title: str = "Super-resolution report"
    num_images: int = Field(12, ge=1)  # test pictures shown, the first ones of each set in turn
