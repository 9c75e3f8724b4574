"""The networks: the whole list in one place, and how one is built."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, RootModel

from pipeline.models.base import NetworkConfig, SRNetwork
from pipeline.models.chroma import network_input, run_on_rgb
from pipeline.models.iterative.dbpn import DBPNConfig
from pipeline.models.post_upsampling.carn import CARNConfig
from pipeline.models.post_upsampling.edsr import EDSRConfig
from pipeline.models.post_upsampling.fsrcnn import FSRCNNConfig
from pipeline.models.post_upsampling.imdn import IMDNConfig
from pipeline.models.pre_upsampling.srcnn import SRCNNConfig
from pipeline.models.progressive.lapsrn import LapSRNConfig
from pipeline.schema import validate

AnyNetworkConfig = Annotated[
    DBPNConfig  # iterative up and down
    | CARNConfig  # post-upsampling
    | EDSRConfig
    | FSRCNNConfig
    | IMDNConfig
    | SRCNNConfig  # pre-upsampling
    | LapSRNConfig,  # progressive
    Field(discriminator="name"),
]

NETWORK_CONFIGS: Mapping[str, type[NetworkConfig]] = {
    config.model_fields["name"].default: config
    for config in get_args(get_args(AnyNetworkConfig)[0])
}


class _Model(RootModel[AnyNetworkConfig]):
    pass


def network_config(values: Mapping[str, Any]) -> NetworkConfig:
    """Validate plain data such as `{"name": "rcan"}` into a network's configuration.

    Raises:
        UserError: If a key or value is wrong, naming it and the nearest valid one.
    """
    return validate(_Model, dict(values), where="network").root


def build_network(values: Mapping[str, Any], *, scale: int) -> SRNetwork:
    """Build a network from plain data, with freshly initialised weights.

    Args:
        values: Name and settings, such as `{"name": "edsr", "num_blocks": 8}`.
        scale: Enlargement, one of the scales that the network is defined for.

    Raises:
        UserError: If a key or value is wrong.
        ValueError: If the network is not defined for `scale`.
    """
    return network_config(values).build(scale=scale)


__all__ = [
    "NETWORK_CONFIGS",
    "AnyNetworkConfig",
    "NetworkConfig",
    "SRNetwork",
    "build_network",
    "network_config",
    "network_input",
    "run_on_rgb",
]
