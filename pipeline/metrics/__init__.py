"""The metrics: the whole list in one place."""

from pipeline.metrics.base import Metric
from pipeline.metrics.deep_features import LPIPSOptions, lpips
from pipeline.metrics.gradient import gmsd
from pipeline.metrics.information import ifc, vif
from pipeline.metrics.naturalness import niqe
from pipeline.metrics.pixel import mse, psnr, rmse
from pipeline.metrics.pixel_information import vif_pixel
from pipeline.metrics.structural import (
    MSSIMOptions,
    MSSSIMOptions,
    SSIMOptions,
    ms_ssim,
    mssim,
    ssim,
)
from pipeline.metrics.upscaling import ma, perceptual_index

METRICS: dict[str, Metric] = {
    "mse": Metric(mse, higher_is_better=False, unit="", needs_reference=True),
    "rmse": Metric(rmse, higher_is_better=False, unit="", needs_reference=True),
    "psnr": Metric(psnr, higher_is_better=True, unit="dB", needs_reference=True),
    "ssim": Metric(ssim, higher_is_better=True, unit="", needs_reference=True, options=SSIMOptions),
    "mssim": Metric(
        mssim, higher_is_better=True, unit="", needs_reference=True, options=MSSIMOptions
    ),
    "ms_ssim": Metric(
        ms_ssim, higher_is_better=True, unit="", needs_reference=True, options=MSSSIMOptions
    ),
    "ifc": Metric(ifc, higher_is_better=True, unit="bit/pixel", needs_reference=True),
    "vif": Metric(vif, higher_is_better=True, unit="", needs_reference=True),
    "vif_pixel": Metric(vif_pixel, higher_is_better=True, unit="", needs_reference=True),
    "gmsd": Metric(gmsd, higher_is_better=False, unit="", needs_reference=True),
    "lpips": Metric(
        lpips, higher_is_better=False, unit="", needs_reference=True, options=LPIPSOptions
    ),
    "niqe": Metric(niqe, higher_is_better=False, unit="", needs_reference=False),
    "ma": Metric(ma, higher_is_better=True, unit="", needs_reference=False),
    "pi": Metric(perceptual_index, higher_is_better=False, unit="", needs_reference=False),
}

__all__ = ["METRICS", "Metric"]
