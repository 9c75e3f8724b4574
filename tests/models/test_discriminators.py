"""One body over all discriminators."""

import pytest
import torch
from pydantic import TypeAdapter

from pipeline.models.discriminators import AnyDiscriminatorConfig, DiscriminatorConfig

CONFIG: TypeAdapter[DiscriminatorConfig] = TypeAdapter(AnyDiscriminatorConfig)
LITE0 = {"name": "efficientnet_lite0"}

# Settings, and the shape of the logits for a batch of 2 patches of 48 pixels.
DISCRIMINATORS = [
    ({"name": "vgg"}, (2, 1)),
    ({"name": "vgg", "norm": "none", "head": "pooled"}, (2, 1)),
    ({"name": "patch"}, (2, 1, 4, 4)),
    ({"name": "patch", "num_layers": 2, "norm": "instance"}, (2, 1, 10, 10)),
    ({"name": "unet"}, (2, 1, 48, 48)),
    ({"name": "feature", "extractor": LITE0, "layer": "stage3"}, (2, 1)),
]


@pytest.fixture(autouse=True)
def deterministic():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def build(settings: dict, patch_size: int | None = 48, num_channels: int = 3):
    small = {"num_features": 8, **settings}
    torch.manual_seed(0)
    return CONFIG.validate_python(small).build(num_channels=num_channels, patch_size=patch_size)


def patches(settings: dict, num_channels: int = 3, size: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    if settings["name"] == "feature":
        num_channels, size = 40, size // 8  # stage 3: what the extractor would give
    return torch.rand(2, num_channels, size, size, generator=generator)


@pytest.mark.parametrize(("settings", "shape"), DISCRIMINATORS, ids=str)
def test_logits_have_the_declared_shape(settings: dict, shape: tuple):
    assert build(settings)(patches(settings)).shape == shape


@pytest.mark.parametrize(("settings", "shape"), DISCRIMINATORS, ids=str)
def test_every_parameter_gets_a_finite_gradient(settings: dict, shape: tuple):
    network = build(settings)
    network(patches(settings)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize(("settings", "shape"), DISCRIMINATORS, ids=str)
def test_batch_statistics_are_declared_truthfully(settings: dict, shape: tuple):
    network, x = build(settings), patches(settings)
    for _ in range(20):
        network(x)  # spectral norms settle
    config = CONFIG.validate_python(settings)
    together, other = network(x)[0], network(torch.cat([x[:1], x[1:].flip(3) * 0.3]))[0]
    depends = not torch.allclose(together, other, rtol=0.02, atol=1e-4)
    assert depends == config.batch_statistics


@pytest.mark.parametrize(("settings", "shape"), DISCRIMINATORS, ids=str)
def test_same_seed_same_bytes_and_state_loads(settings: dict, shape: tuple):
    first, second, x = build(settings), build(settings), patches(settings)
    assert torch.equal(first(x), second(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(x), second.eval()(x))


@pytest.mark.parametrize("name", ["vgg", "patch", "unet"])
def test_one_channel_works(name: str):
    settings = {"name": name}
    assert torch.isfinite(build(settings, num_channels=1)(patches(settings, 1))).all()


@pytest.mark.parametrize(
    ("settings", "channels", "published"),
    [
        # The networks of the authors' releases: pix2pix judges condition and picture together.
        ({"name": "patch", "num_features": 64}, 6, 2_768_705),
        ({"name": "unet", "num_features": 64}, 3, 4_376_897),
        # Convolutions without the biases before a normalisation, dense 512 * 6 * 6 -> 1024 -> 1.
        ({"name": "vgg", "num_features": 64}, 3, 23_563_649),
    ],
)
def test_parameters_are_as_many_as_published(settings: dict, channels: int, published: int):
    network = build(settings, patch_size=96, num_channels=channels)
    assert sum(p.numel() for p in network.parameters()) == published


def test_spectral_norm_bounds_every_inner_convolution():
    network, x = build({"name": "unet"}), patches({"name": "unet"})
    for _ in range(30):
        network(x)
    for layer in [*network.down, *network.up, network.last[0], network.last[2]]:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, abs=0.05)


def test_a_pooled_head_takes_any_patch_and_a_dense_one_names_its_own():
    pooled = build({"name": "vgg", "head": "pooled"}, patch_size=None)
    assert pooled(torch.rand(2, 3, 40, 56)).shape == (2, 1)
    with pytest.raises(ValueError, match="patches of 48x48, not 40x40; the head `pooled`"):
        build({"name": "vgg"})(torch.rand(2, 3, 40, 40))
    with pytest.raises(ValueError, match="needs one patch size"):
        build({"name": "vgg"}, patch_size=None)


@pytest.mark.parametrize(
    ("settings", "patch_size", "message"),
    [
        ({"name": "patch"}, 20, "at least 24 pixels, not 20"),
        ({"name": "unet"}, 44, "44 is no multiple of 8"),
        ({"name": "feature", "extractor": LITE0, "layer": "stage3"}, 44, "multiple of 8, not 44"),
    ],
)
def test_patches_that_do_not_fit_are_refused_before_training(settings, patch_size, message):
    with pytest.raises(ValueError, match=message):
        build(settings, patch_size=patch_size)


@pytest.mark.parametrize("num_layers", [1, 2, 3, 4])
def test_smallest_patch_of_patchgan_gives_a_logit(num_layers: int):
    least = 3 * 2**num_layers
    settings = {"name": "patch", "num_layers": num_layers}
    logits = build(settings, patch_size=least)(torch.rand(2, 3, least, least))
    assert logits.shape == (2, 1, 1, 1)


def test_a_patch_logit_sees_seventy_pixels():
    network = build({"name": "patch", "norm": "none"}, patch_size=None)
    x = torch.rand(1, 3, 160, 160, requires_grad=True)
    logits = network(x)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert rows.max() - rows.min() + 1 == 70


def test_an_unknown_layer_of_the_extractor_is_refused():
    settings = {"name": "feature", "extractor": LITE0, "layer": "stage9"}
    with pytest.raises(ValueError, match="layer 'stage9' is unknown"):
        CONFIG.validate_python(settings)
