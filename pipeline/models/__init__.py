"""The networks: the whole list in one place, and how one is built."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, RootModel

from pipeline.models.base import NetworkConfig, SRNetwork
from pipeline.models.chroma import network_input, run_on_rgb
from pipeline.models.iterative.dbpn import DBPNConfig
from pipeline.models.iterative.hourglass import HourglassConfig
from pipeline.models.iterative.srfbn import SRFBNConfig
from pipeline.models.iterative.unet import UNetConfig
from pipeline.models.laboratory.design import LaboratoryConfig
from pipeline.models.post_upsampling.carn import CARNConfig
from pipeline.models.post_upsampling.edsr import EDSRConfig
from pipeline.models.post_upsampling.espcn import ESPCNConfig
from pipeline.models.post_upsampling.fsrcnn import FSRCNNConfig
from pipeline.models.post_upsampling.imdn import IMDNConfig
from pipeline.models.post_upsampling.rcan import RCANConfig
from pipeline.models.post_upsampling.rdn import RDNConfig
from pipeline.models.post_upsampling.rrdb import RRDBConfig
from pipeline.models.post_upsampling.span import SPANConfig
from pipeline.models.post_upsampling.srdensenet import SRDenseNetConfig
from pipeline.models.post_upsampling.srresnet import SRResNetConfig
from pipeline.models.post_upsampling.srvgg import SRVGGConfig
from pipeline.models.post_upsampling.swinir import SwinIRConfig
from pipeline.models.pre_upsampling.drcn import DRCNConfig
from pipeline.models.pre_upsampling.drrn import DRRNConfig
from pipeline.models.pre_upsampling.memnet import MemNetConfig
from pipeline.models.pre_upsampling.srcnn import SRCNNConfig
from pipeline.models.pre_upsampling.vdsr import VDSRConfig
from pipeline.models.progressive.lapsrn import LapSRNConfig
from pipeline.models.progressive.ms_lapsrn import MSLapSRNConfig
from pipeline.models.progressive.prosr import ProSRConfig
from pipeline.schema import validate

AnyNetworkConfig = Annotated[
    DBPNConfig  # iterative up and down
    | HourglassConfig
    | SRFBNConfig
    | UNetConfig
    | LaboratoryConfig  # any design
    | CARNConfig  # post-upsampling
    | EDSRConfig
    | ESPCNConfig
    | FSRCNNConfig
    | IMDNConfig
    | RCANConfig
    | RDNConfig
    | RRDBConfig
    | SPANConfig
    | SRDenseNetConfig
    | SRResNetConfig
    | SRVGGConfig
    | SwinIRConfig
    | DRCNConfig  # pre-upsampling
    | DRRNConfig
    | MemNetConfig
    | SRCNNConfig
    | VDSRConfig
    | LapSRNConfig  # progressive
    | MSLapSRNConfig
    | ProSRConfig,
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
