"""The data sources: the whole list in one place."""

from typing import Annotated

from pydantic import Field

from pipeline.data.sources.archive import ArchiveConfig
from pipeline.data.sources.base import Places, SourceConfig
from pipeline.data.sources.catalogue import CatalogueConfig
from pipeline.data.sources.embedded import EmbeddedConfig
from pipeline.data.sources.folder import FolderConfig
from pipeline.data.sources.url import UrlConfig

AnySourceConfig = Annotated[
    EmbeddedConfig | FolderConfig | ArchiveConfig | CatalogueConfig | UrlConfig,
    Field(discriminator="name"),
]

__all__ = ["AnySourceConfig", "Places", "SourceConfig"]
