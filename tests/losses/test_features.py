"""Content and texture losses: closed forms, and features computed once."""

from pathlib import Path

import pytest
import torch
from skimage import data, filters

from pipeline.errors import UserError
from pipeline.losses import build_loss, required_weights
from pipeline.losses.features import ContentConfig, TextureConfig, gram, into_patches
from pipeline.models.extractors.efficientnet import EfficientNetLite0, EfficientNetLite0Config
from pipeline.models.extractors.vgg import VGG19Config

LITE0 = {"name": "efficientnet_lite0"}


def photograph(sigma: float = 0.0, size: int = 128) -> torch.Tensor:
    picture = data.chelsea()[64 : 64 + size, 128 : 128 + size] / 255.0
    blurred = filters.gaussian(picture, sigma, channel_axis=2) if sigma else picture
    return torch.from_numpy(blurred).float().permute(2, 0, 1)[None]


def test_gram_matrix_is_the_normalised_product_of_channels():
    x = torch.arange(8.0).reshape(1, 2, 2, 2)  # channels 0 1 2 3 and 4 5 6 7
    expected = torch.tensor([[[14.0, 38.0], [38.0, 126.0]]]) / (2 * 4)
    torch.testing.assert_close(gram(x), expected)


def test_gram_matrix_does_not_see_where_things_are():
    x = torch.rand(1, 5, 6, 6, generator=torch.Generator().manual_seed(0))
    moved = x.flatten(2)[:, :, torch.randperm(36)].reshape(x.shape)
    torch.testing.assert_close(gram(moved), gram(x))


def test_patches_keep_every_position_once_and_together():
    x = torch.arange(2 * 3 * 4 * 6.0).reshape(2, 3, 4, 6)
    patches = into_patches(x, 2)
    assert patches.shape == (2 * 6, 3, 2, 2)
    assert torch.equal(patches[0], x[0, :, :2, :2])
    assert torch.equal(patches[4], x[0, :, 2:, 2:4])
    assert torch.equal(patches.flatten().sort().values, x.flatten())
    with pytest.raises(ValueError, match="6x4 are no multiple of 3x3"):
        into_patches(x, 3)


def test_texture_by_patches_sees_where_things_are_and_the_whole_does_not():
    hr = photograph()
    moved = hr.roll((32, 64), dims=(2, 3))
    terms = [{"name": "texture", "extractor": LITE0, "layers": {"stage2": 1.0}}]
    whole = build_loss(terms)(moved, hr).total
    patchwise = build_loss([{**terms[0], "patch": 16}])(moved, hr).total
    assert patchwise > 10 * whole


@pytest.mark.parametrize("criterion", ["l1", "l2"])
def test_content_is_the_weighted_distance_of_features(criterion: str):
    sr, hr = photograph(sigma=2.0), photograph()
    extractor = EfficientNetLite0Config().build()
    a, b = (extractor(x, ["stem", "stage3"]) for x in (sr, hr))
    power = {"l1": 1, "l2": 2}[criterion]
    expected = sum(
        weight * (a[layer] - b[layer]).abs().pow(power).mean()
        for layer, weight in (("stem", 0.5), ("stage3", 2.0))
    )
    layers = {"stage3": 2.0, "stem": 0.5}
    terms = [{"name": "content", "extractor": LITE0, "layers": layers, "criterion": criterion}]
    torch.testing.assert_close(build_loss(terms)(sr, hr).total, expected)


@pytest.mark.parametrize("config", [ContentConfig, TextureConfig])
def test_blurrier_is_farther(config: type):
    loss = config(extractor=EfficientNetLite0Config(), layers={"stage2": 1.0}).build()
    hr = photograph()
    distances = [loss(photograph(sigma), hr).item() for sigma in (0.0, 0.5, 1.0, 2.0)]
    assert distances[0] == 0
    assert distances == sorted(set(distances))


def test_features_before_and_after_the_activation_differ():
    sr, hr = photograph(sigma=1.0), photograph()
    values = [
        build_loss([{"name": "content", "extractor": LITE0, "layers": {layer: 1.0}}])(sr, hr).total
        for layer in ("stem_pre", "stem")
    ]
    assert values[0] > values[1] > 0  # the activation cuts differences off


def test_all_terms_share_one_pass_of_the_extractor(monkeypatch):
    calls = []
    original = EfficientNetLite0.forward

    def counted(self, x, layers):
        calls.append((sorted(layers), torch.is_grad_enabled()))
        return original(self, x, layers)

    monkeypatch.setattr(EfficientNetLite0, "forward", counted)
    judge = {"name": "feature", "extractor": LITE0, "layer": "stage3", "head": "pooled"}
    terms = [
        {"name": "content", "extractor": LITE0, "layers": {"stage2": 1.0}},
        {"name": "texture", "extractor": LITE0, "layers": {"stem": 1.0, "stage2": 1.0}},
        {"name": "adversarial", "kind": "vanilla", "discriminator": judge},
    ]
    hr = photograph(size=64).repeat(2, 1, 1, 1)
    value = build_loss(terms)(hr.clone().requires_grad_(), hr, step=0)
    everything = sorted(["stage2", "stem", "stage3"])
    assert calls == [(everything, False), (everything, True)]  # target without gradient, once each
    assert list(value.parts) == ["content", "texture", "adversarial"]


def test_target_gets_no_gradient():
    hr = photograph(size=32).requires_grad_()
    sr = photograph(sigma=1.0, size=32).requires_grad_()
    terms = [{"name": "content", "extractor": LITE0, "layers": {"stage2": 1.0}}]
    build_loss(terms)(sr, hr).total.backward()
    assert hr.grad is None
    assert sr.grad.abs().max() > 0


def test_weights_that_terms_need_are_known_before_anything_is_built(tmp_path: Path, monkeypatch):
    vgg = VGG19Config()
    terms = [
        ContentConfig(extractor=vgg, layers={"conv5_4": 1.0}),
        TextureConfig(extractor=vgg, layers={"relu1_1": 1.0}),
        ContentConfig(extractor=EfficientNetLite0Config(), layers={"stem": 1.0}, label="lite"),
    ]
    (file,) = required_weights(terms)
    assert (file.name, file.sha256) == ("vgg19", VGG19Config.sha256)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"vgg19-dcbb9e9d\.pth: the pretrained weights of vgg19"):
        build_loss(terms)


def test_a_local_file_of_weights_works(tmp_path: Path):
    path = tmp_path / "vgg.pth"
    torch.save(VGG19Config().architecture().state_dict(), path)
    extractor = {"name": "vgg19", "weights": str(path)}
    terms = [{"name": "content", "extractor": extractor, "layers": {"conv2_2": 1.0}}]
    assert build_loss(terms)(photograph(sigma=1.0, size=32), photograph(size=32)).total > 0
