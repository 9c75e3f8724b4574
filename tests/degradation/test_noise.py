import numpy as np
import pytest
import torch

from pipeline.degradation import noise
from pipeline.degradation.base import Draws, Setting
from pipeline.degradation.noise import (
    CameraNoise,
    GaussianNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
)

SETTING = Setting(lr_size=(1, 1), border="symmetric")
SIDE = 256  # the deviation of 256 x 256 x 3 values is known to 0.16 %


def residual(step, value=128.0, seed=0, colour=None):
    image = torch.full((1, 3, SIDE, SIDE), value)
    if colour is not None:
        image = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    return (step.apply(image, Draws.from_seeds([seed]), SETTING) - image)[0].double().numpy()


@pytest.mark.parametrize("level", [5.0, 30.0])
def test_gaussian_noise_has_its_level_and_independent_channels(level):
    error = residual(GaussianNoise(level=level))
    assert error.std() == pytest.approx(level, rel=0.01)
    assert abs(error.mean()) < 0.02 * level
    correlation = np.corrcoef(error.reshape(3, -1))
    assert np.abs(correlation - np.eye(3)).max() < 0.02
    # Neighbours are independent too, and the tails are a Gaussian's.
    assert abs((error[:, :, 1:] * error[:, :, :-1]).mean()) < 0.01 * level**2
    assert (np.abs(error) > 2 * level).mean() == pytest.approx(0.0455, abs=0.003)


@pytest.mark.parametrize(
    "step",
    [
        GaussianNoise(level=20.0, grey=1.0),
        SpeckleNoise(level=20.0, grey=1.0),
        PoissonNoise(grey=1.0),
    ],
)
def test_grey_noise_is_the_same_in_all_channels(step):
    error = residual(step)
    np.testing.assert_allclose(error[0], error[1], atol=1e-4)
    np.testing.assert_allclose(error[0], error[2], atol=1e-4)
    assert error.std() > 1


def test_correlated_noise_has_variances_from_zero_to_its_levels():
    spectra = [
        np.linalg.eigvalsh(
            np.cov(residual(GaussianNoise(level=20.0, correlated=1.0), seed=seed).reshape(3, -1))
        )
        for seed in range(30)
    ]
    assert np.max(spectra) < 20**2 * 1.03
    assert np.mean(spectra) == pytest.approx(20**2 / 2, rel=0.2)


def test_shares_of_grey_and_correlated_pictures_are_kept():
    step = GaussianNoise(level=20.0, grey=0.4, correlated=0.2)
    image = torch.full((400, 3, 8, 8), 128.0)
    error = step.apply(image, Draws.from_seeds(range(400)), SETTING) - image
    grey = (error[:, 0] == error[:, 1]).flatten(1).all(1).float().mean()
    assert grey == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize("value", [40.0, 160.0])
def test_speckle_grows_with_the_signal(value):
    error = residual(SpeckleNoise(level=25.5), value)
    assert error.std() == pytest.approx(value * 0.1, rel=0.01)


@pytest.mark.parametrize(("value", "peak", "strength"), [(128.0, 100.0, 1.0), (64.0, 1000.0, 2.0)])
def test_poisson_noise_has_the_variance_of_its_photons(value, peak, strength):
    error = residual(PoissonNoise(peak=peak, strength=strength), value)
    # n photons have the variance n; a photon is 255 / peak levels.
    variance = strength**2 * value * (255 / peak)
    assert error.var() == pytest.approx(variance, rel=0.02)
    assert abs(error.mean()) < 0.02 * np.sqrt(variance)


def test_grey_poisson_noise_follows_the_luminance():
    error = residual(PoissonNoise(peak=200.0, grey=1.0), colour=[200.0, 100.0, 50.0])
    luminance = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert error[1].var() == pytest.approx(luminance * 255 / 200, rel=0.03)


def test_salt_and_pepper_come_in_their_shares():
    step = SaltAndPepperNoise(amount=0.1, salt=0.25)
    image = torch.full((1, 3, SIDE, SIDE), 128.0)
    result = step.apply(image, Draws.from_seeds([0]), SETTING)
    assert set(result.unique().tolist()) == {0.0, 128.0, 255.0}
    assert (result != 128).float().mean() == pytest.approx(0.1, abs=0.004)
    assert (result == 255).float().mean() == pytest.approx(0.025, abs=0.002)


def test_grey_salt_and_pepper_hit_whole_pixels():
    image = torch.full((1, 3, SIDE, SIDE), 128.0)
    step = SaltAndPepperNoise(amount=0.1, grey=1.0)
    result = step.apply(image, Draws.from_seeds([0]), SETTING)
    assert torch.equal(result[:, 0], result[:, 1])


@pytest.mark.parametrize(("shot", "read"), [(0.01, 0.0), (0.0, 0.0002), (0.005, 0.0001)])
def test_camera_noise_has_its_variance_in_linear_light(shot, read):
    value = 150.0
    noisy = residual(CameraNoise(shot=shot, read=read), value) + value
    light, mean = noise.srgb_to_linear(noisy / 255), noise.srgb_to_linear(np.array(value / 255))
    assert light.mean() == pytest.approx(float(mean), rel=0.01)
    assert light.var() == pytest.approx(shot * float(mean) + read, rel=0.03)


def test_the_srgb_curve_is_its_own_inverse_and_has_the_standards_values():
    values = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(
        noise.linear_to_srgb(noise.srgb_to_linear(values)), values, atol=1e-5
    )
    assert noise.srgb_to_linear(np.array(0.5)) == pytest.approx(0.21404, abs=1e-5)


def test_shares_that_exceed_one_are_refused():
    with pytest.raises(ValueError, match="at most 1 together"):
        GaussianNoise(grey=0.7, correlated=0.7)


@pytest.mark.parametrize("value", [[0.1, 0.2], None, 2, "x"])
def test_a_share_is_one_number(value):
    with pytest.raises(ValueError, match="should"):
        GaussianNoise(grey=value)
