import cv2
import numpy as np
import pytest
import torch

from pipeline.degradation.base import Draws, Setting
from pipeline.degradation.compression import JPEG, WebP

SETTING = Setting(lr_size=(1, 1), border="symmetric")


def error(step, batch):
    result = step.apply(batch, Draws.from_seeds(range(len(batch))), SETTING)
    return (result - batch).square().mean().sqrt().item()


@pytest.mark.parametrize("operator", [JPEG, WebP])
def test_lower_quality_loses_more(operator, batch):
    errors = [error(operator(quality=quality), batch) for quality in (95, 75, 40, 10)]
    assert errors == sorted(errors)
    assert 0.5 < errors[0] < errors[-1]


def test_halved_chroma_loses_stripes_of_colour_that_full_chroma_keeps():
    # Columns of one pixel, of equal luma and alternating Cr: half the resolution averages them.
    colours = torch.tensor([[178.0, 92.0, 128.0], [78.0, 164.0, 128.0]])
    stripes = colours.T[:, None, :].repeat(1, 32, 16)[None]

    def kept(subsampling):
        step = JPEG(quality=95, subsampling=subsampling)
        result = step.apply(stripes, Draws.from_seeds([0]), SETTING)
        red, green = result[0, 0], result[0, 1]
        return ((red - green)[:, ::2] - (red - green)[:, 1::2]).mean() / 172

    assert kept("4:4:4") == pytest.approx(1, abs=0.05)
    assert kept("4:2:0") == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("subsampling", "code"), [("4:4:4", 0x111111), ("4:2:0", 0x221111)])
def test_jpeg_is_opencvs_to_the_decoders_rounding(photograph, subsampling, code):
    image = torch.from_numpy(photograph.transpose(2, 0, 1)[None].astype(np.float32))
    step = JPEG(quality=60, subsampling=subsampling)
    ours = step.apply(image, Draws.from_seeds([0]), SETTING)[0].permute(1, 2, 0).numpy()
    options = [cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, code]
    _, encoded = cv2.imencode(".jpg", photograph[:, :, ::-1], options)
    theirs = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.float32)
    assert np.abs(ours - theirs).mean() < 0.1


def test_compression_works_on_the_picture_rounded_to_8_bits(batch):
    step = JPEG(quality=80)
    shifted = step.apply(batch + 0.3, Draws.from_seeds(range(4)), SETTING)
    assert torch.equal(shifted, step.apply(batch, Draws.from_seeds(range(4)), SETTING))


@pytest.mark.parametrize("operator", [JPEG, WebP])
def test_compression_does_not_shift_colours(operator):
    # Chroma of half the size must come back where it was: the middle of a red disk stays.
    y, x = np.mgrid[:64, :64]
    disk = np.hypot(x - 31.5, y - 31.5) < 12
    image = torch.zeros(1, 3, 64, 64)
    image[0, 0] = torch.from_numpy(np.where(disk, 220.0, 60.0))
    image[0, 1:] = 60
    result = operator(quality=90).apply(image, Draws.from_seeds([0]), SETTING)
    redness = (result[0, 0] - result[0, 1]).double().clamp(min=20).numpy() - 20
    assert (redness * x).sum() / redness.sum() == pytest.approx(31.5, abs=0.1)
    assert (redness * y).sum() / redness.sum() == pytest.approx(31.5, abs=0.1)
