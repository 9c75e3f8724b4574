"""Total variation against closed forms and torchmetrics."""

import math

import pytest
import torch
from torchmetrics.functional.image import total_variation as reference_total_variation

from pipeline.losses.total_variation import total_variation


@pytest.mark.parametrize("kind", ["isotropic", "anisotropic"])
def test_a_flat_picture_has_none(kind: str):
    assert total_variation(torch.full((2, 3, 5, 7), 0.3), kind=kind) == 0


def test_anisotropic_equals_torchmetrics_per_element():
    x = torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(1))
    expected = reference_total_variation(x, reduction="sum") / x.numel()
    torch.testing.assert_close(total_variation(x, kind="anisotropic"), expected)


def test_isotropic_of_a_tilted_plane_is_its_slope_inside_and_one_sided_at_the_border():
    height, width, a, b = 6, 9, 0.03, 0.04
    x = a * torch.arange(height)[:, None] + b * torch.arange(width)[None, :]
    inside = (height - 1) * (width - 1) * math.hypot(a, b)
    border = (height - 1) * a + (width - 1) * b
    expected = (inside + border) / (height * width)
    assert total_variation(x[None, None], kind="isotropic").item() == pytest.approx(expected)


def test_isotropic_does_not_prefer_a_direction_as_anisotropic_does():
    # A disc's outline: the anisotropic length is that of its bounding square, 4 / pi longer.
    y, x = torch.meshgrid(torch.arange(201) - 100.0, torch.arange(201) - 100.0, indexing="ij")
    disc = torch.clamp((60 - torch.hypot(x, y)) / 8 + 0.5, 0, 1)[None, None]
    ratio = total_variation(disc, kind="anisotropic") / total_variation(disc, kind="isotropic")
    assert ratio.item() == pytest.approx(4 / math.pi, rel=0.01)
