"""The `data` section of the parameters."""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field, model_validator

from pipeline.data.sources import AnySourceConfig, SourceConfig
from pipeline.data.sources.embedded import EmbeddedConfig
from pipeline.images.manifest import SPLITS, Split
from pipeline.schema import StrictConfig


def _embedded() -> list[AnySourceConfig]:
    return [EmbeddedConfig()]


class DataConfig(StrictConfig):
    """Which pictures each split is made of.

    Attributes:
        train: Sources that patches are cut from.
        valid: Sources watched during training.
        test: Sources that the final scores are computed on.
        allow_leakage: Take pictures although another split has them; the pairs are still named.
        allow_duplicates: Take pictures although the same split has them twice, pixel by pixel.
    """

    train: list[AnySourceConfig] = Field(default_factory=_embedded, min_length=1)
    valid: list[AnySourceConfig] = Field(default_factory=_embedded, min_length=1)
    test: list[AnySourceConfig] = Field(default_factory=_embedded, min_length=1)
    allow_leakage: bool = False
    allow_duplicates: bool = False

    @model_validator(mode="after")
    def _sets_are_distinct(self) -> "DataConfig":
        for split in SPLITS:
            # Letter case aside, since not every file system keeps `Set5` and `set5` apart.
            counts = Counter(source.set_name.lower() for source in self.sources(split))
            twice = [name for name, count in counts.items() if count > 1]
            if twice:
                raise ValueError(
                    f"two sources of {split} make the set {twice[0]!r}; give one another `set`"
                )
        return self

    def sources(self, split: Split) -> Sequence[SourceConfig]:
        """The sources of one split."""
        return {"train": self.train, "valid": self.valid, "test": self.test}[split]
