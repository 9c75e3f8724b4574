"""LPIPS: the published heads on random backbones, and what happens without weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics import deep_features
from pipeline.metrics.deep_features import (
    VARIANTS,
    load_heads,
    lpips,
    required_weights,
    weighted_distance,
)
from pipeline.models.extractors import FeatureExtractor, WeightsFile


def published_heads(reference: Path, backbone: deep_features.Backbone) -> dict[str, Tensor]:
    variant = VARIANTS[backbone]
    path = reference / "weights" / variant.heads.path.name
    file = WeightsFile(variant.heads.name, variant.heads.url, variant.heads.sha256, path)
    sizes = {layer: variant.backbone.layers[layer].channels for layer in variant.layers}
    return load_heads(file, sizes)


def random_backbone(backbone: deep_features.Backbone) -> FeatureExtractor:
    torch.manual_seed(0)
    network = VARIANTS[backbone].backbone.architecture().freeze()
    # Weights that keep the features' size, so that no layer vanishes.
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return network


def reference_formula(
    network: FeatureExtractor, state: dict[str, Tensor], places: list[int], x: Tensor, y: Tensor
) -> Tensor:
    """The release's forward pass, from pictures in [-1, 1], layer by layer, in double precision."""
    shift = torch.tensor([-0.030, -0.088, -0.188], dtype=torch.float64).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450], dtype=torch.float64).view(1, 3, 1, 1)
    total = torch.zeros((), dtype=torch.float64)
    features = [(2 * p.double() - 1 - shift) / scale for p in (x, y)]
    layers = network.double().features
    for index, layer in enumerate(layers):
        features = [layer(f) for f in features]
        if index in places:
            unit = [f / (f.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for f in features]
            weight = state[f"lin{places.index(index)}.model.1.weight"].double()
            difference = (unit[0] - unit[1]).pow(2)
            total = total + torch.nn.functional.conv2d(difference, weight).mean()
    return total


@pytest.mark.parametrize(
    ("backbone", "name", "places"),
    [("alexnet", "alex", [1, 4, 7, 9, 11]), ("vgg16", "vgg", [3, 8, 15, 22, 29])],
)
def test_heads_on_a_random_backbone_equal_the_reference_formula(
    backbone: deep_features.Backbone, name: str, places: list[int], reference: Path
):
    network = random_backbone(backbone)
    heads = published_heads(reference, backbone)
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(1, 3, 64, 80, generator=generator)
    y = (x + 0.1 * torch.randn(x.shape, generator=generator)).clamp(0, 1)
    ours = weighted_distance(network, heads, x, y).item()
    file = reference / "weights" / f"lpips_v0.1_{name}.pth"
    state = torch.load(file, map_location="cpu", weights_only=True)
    with torch.no_grad():
        expected = reference_formula(network, state, places, x, y).item()
    assert expected > 0.01
    assert ours == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("backbone", VARIANTS)
def test_published_heads_are_non_negative_and_have_the_published_digest(
    backbone: deep_features.Backbone, reference: Path
):
    from pipeline.data.hashing import file_sha256s

    heads = published_heads(reference, backbone)
    assert all((head >= 0).all() and head.max() > 0 for head in heads.values())
    file = VARIANTS[backbone].heads
    assert file_sha256s([reference / "weights" / file.path.name]) == [file.sha256]


@pytest.mark.parametrize("backbone", VARIANTS)
def test_missing_weights_are_named_with_their_address(
    backbone: deep_features.Backbone,
    photograph: Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"data/weights/{backbone[:3]}.*missing.*https://.*sha256"):
        lpips(photograph, photograph, data_range=255.0, border=0, backbone=backbone)
    files = required_weights(backbone)
    assert [file.path.parent for file in files] == [Path("data/weights")] * 2
    assert all(file.url.startswith("https://") and len(file.sha256) == 64 for file in files)


def test_missing_and_wrong_heads_are_named(tmp_path: Path):
    file = WeightsFile("LPIPS (alex)", "https://example.org/a.pth", "0" * 64, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"a.pth: the heads of LPIPS \(alex\) are missing"):
        load_heads(file, {"relu1": 64})
    torch.save({"lin0.model.1.weight": torch.ones(1, 32, 1, 1)}, file.path)
    with pytest.raises(UserError, match="these heads are for another backbone"):
        load_heads(file, {"relu1": 64})
    torch.save({"something": torch.ones(1)}, file.path)
    with pytest.raises(UserError, match="these are not the heads of LPIPS"):
        load_heads(file, {"relu1": 64})


@pytest.mark.usefixtures("random_lpips")
def test_grey_counts_as_three_equal_channels(photograph: Tensor, noisy: Tensor):
    grey = lpips(noisy, photograph, data_range=255.0, border=0)
    colour = lpips(
        noisy.expand(-1, 3, -1, -1), photograph.expand(-1, 3, -1, -1), data_range=255.0, border=0
    )
    assert grey.item() == pytest.approx(colour.item(), rel=1e-6)
    with pytest.raises(ValueError, match="LPIPS takes RGB or grey, 3 or 1 channels, not 2"):
        lpips(noisy.expand(-1, 2, -1, -1), noisy.expand(-1, 2, -1, -1), data_range=255.0, border=0)
