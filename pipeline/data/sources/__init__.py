"""The data sources: the whole list in one place."""

from typing import Annotated

from pydantic import Field

from pipeline.data.sources.base import SPLITS, Places, SourceConfig, Split
from pipeline.data.sources.embedded import EmbeddedConfig
from pipeline.data.sources.folder import FolderConfig

AnySourceConfig = Annotated[EmbeddedConfig | FolderConfig, Field(discriminator="name")]

__all__ = ["SPLITS", "AnySourceConfig", "Places", "SourceConfig", "Split"]
