"""Gradient losses against closed forms and scikit-image."""

import pytest
import torch
from skimage import data, filters

from pipeline.losses import build_loss
from pipeline.losses.gradient import gradient_maps

ROWS, COLUMNS = torch.meshgrid(torch.arange(7.0), torch.arange(9.0), indexing="ij")


@pytest.mark.parametrize("operator", ["difference", "sobel"])
def test_derivatives_of_a_plane_are_its_slopes(operator: str):
    plane = (0.02 * COLUMNS - 0.05 * ROWS)[None, None]
    across, down = gradient_maps(plane, operator=operator).unbind(1)
    torch.testing.assert_close(across, torch.full((1, 5, 7), 0.02))
    torch.testing.assert_close(down, torch.full((1, 5, 7), -0.05))


def test_laplacian_of_a_paraboloid_is_its_curvature_and_a_plane_has_none():
    paraboloid = (0.01 * COLUMNS**2 + 0.02 * ROWS**2 + 0.3 * ROWS)[None, None]
    maps = gradient_maps(paraboloid, operator="laplacian")
    torch.testing.assert_close(maps, torch.full((1, 1, 5, 7), 0.06), atol=1e-5, rtol=0)


def test_sobel_agrees_with_scikit_image():
    picture = data.camera()[:64, :80] / 255.0
    x = torch.from_numpy(picture)[None, None]
    across, down = gradient_maps(x, operator="sobel")[0]
    for ours, theirs in ((across, filters.sobel_v(picture)), (down, filters.sobel_h(picture))):
        # scikit-image divides by 4 only, as for a step and not a slope.
        torch.testing.assert_close(2 * ours, torch.from_numpy(theirs)[1:-1, 1:-1])


@pytest.mark.parametrize("operator", ["difference", "sobel", "laplacian"])
def test_a_shift_of_brightness_costs_nothing(operator: str):
    hr = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    loss = build_loss([{"name": "gradient", "operator": operator}])
    assert loss(hr + 0.25, hr).total.item() == pytest.approx(0, abs=1e-6)
    assert loss(hr.flip(3), hr).total > 0.01


def test_channels_are_not_mixed():
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    together = gradient_maps(x, operator="sobel")
    single = gradient_maps(x[:, 1:2], operator="sobel")
    torch.testing.assert_close(together[:, 2:4], single)
