"""One body over all losses: the contract, and the weighted sum."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.losses import build_loss

LITE0 = {"name": "efficientnet_lite0"}  # real features, from a package

# Settings, and the value where prediction and target are equal (None: it depends on the picture).
LOSSES = [
    ({"name": "l1"}, 0.0),
    ({"name": "l2"}, 0.0),
    ({"name": "smooth_l1"}, 0.0),
    ({"name": "charbonnier"}, 1e-3),
    ({"name": "total_variation"}, None),
    ({"name": "total_variation", "kind": "anisotropic"}, None),
    ({"name": "gradient"}, 0.0),
    ({"name": "gradient", "operator": "sobel"}, 0.0),
    ({"name": "gradient", "operator": "laplacian"}, 0.0),
    ({"name": "frequency"}, 0.0),
    ({"name": "ssim"}, 0.0),
    ({"name": "ms_ssim", "num_scales": 2}, 0.0),
    ({"name": "content", "extractor": LITE0, "layers": {"stage2": 1.0, "stage4": 0.5}}, 0.0),
    ({"name": "content", "extractor": LITE0, "layers": {"stem": 1.0}, "criterion": "l2"}, 0.0),
    ({"name": "texture", "extractor": LITE0, "layers": {"stem": 1.0, "stage2": 10.0}}, 0.0),
    ({"name": "texture", "extractor": LITE0, "layers": {"stem": 1.0}, "patch": 16}, 0.0),
]


def pictures(batch: int = 2, size: int = 32, channels: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(batch * size * channels)
    hr = torch.rand(batch, channels, size, size, generator=generator)
    sr = hr + 0.1 * torch.randn(hr.shape, generator=generator)
    return sr, hr


@pytest.mark.parametrize(
    ("term", "least"), [case for case in LOSSES if case[1] is not None], ids=str
)
def test_a_perfect_prediction_has_the_least_loss(term: dict, least: float):
    sr, hr = pictures()
    loss = build_loss([term])
    assert loss(hr, hr).total.item() == pytest.approx(least, abs=1e-6)
    assert loss(sr, hr).total.item() > least + 1e-4


@pytest.mark.parametrize(("term", "least"), LOSSES, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_gradient_is_finite_and_used(term: dict, least: float | None, channels: int):
    sr, hr = pictures(channels=channels)
    for start in (sr, hr, torch.zeros_like(hr)):
        leaf = start.clone().requires_grad_()
        build_loss([term])(leaf, hr).total.backward()
        assert torch.isfinite(leaf.grad).all()
    leaf = sr.clone().requires_grad_()
    build_loss([term])(leaf, hr).total.backward()
    assert leaf.grad.abs().max() > 0


@pytest.mark.parametrize(("term", "least"), LOSSES, ids=str)
def test_loss_of_a_batch_is_the_mean_over_its_pictures(term: dict, least: float | None):
    sr, hr = pictures(batch=3)
    loss = build_loss([term])
    singles = [loss(sr[i : i + 1], hr[i : i + 1]).total for i in range(3)]
    torch.testing.assert_close(loss(sr, hr).total, torch.stack(singles).mean())


@pytest.mark.parametrize(("term", "least"), LOSSES, ids=str)
def test_a_step_down_the_gradient_lowers_the_loss(term: dict, least: float | None):
    sr, hr = pictures()
    loss = build_loss([term])
    leaf = sr.clone().requires_grad_()
    before = loss(leaf, hr).total
    (gradient,) = torch.autograd.grad(before, leaf)
    step = 1e-2 * before.detach() / gradient.square().sum()
    assert loss(sr - step * gradient, hr).total < before


@pytest.mark.parametrize(("term", "least"), LOSSES, ids=str)
def test_value_and_gradient_repeat_byte_by_byte(term: dict, least: float | None):
    sr, hr = pictures()
    results = []
    for _ in range(2):
        leaf = sr.clone().requires_grad_()
        value = build_loss([term])(leaf, hr).total
        value.backward()
        results.append((value.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


# Gram matrices of noise come closer to each other the more positions they are summed over.
@pytest.mark.parametrize("term", [t for t, _ in LOSSES if t["name"] != "texture"], ids=str)
def test_a_larger_patch_of_the_same_kind_costs_about_the_same(term: dict):
    small, large = pictures(batch=4, size=32), pictures(batch=4, size=96)
    ratio = build_loss([term])(*large).total / build_loss([term])(*small).total
    assert ratio.item() == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(("term", "least"), LOSSES, ids=str)
def test_training_mode_changes_nothing(term: dict, least: float | None):
    # Modules that hold a loss may be put in training mode; pretrained statistics must not move.
    sr, hr = pictures()
    loss = build_loss([term])
    before = loss.eval()(sr, hr).total
    assert torch.equal(loss.train()(sr, hr).total, before)


def test_total_is_the_weighted_sum_and_every_share_is_visible():
    sr, hr = pictures()
    value = build_loss([{"name": "l1", "weight": 2.0}, {"name": "l2", "weight": 0.5}])(sr, hr)
    assert list(value.parts) == ["l1", "l2"]
    torch.testing.assert_close(value.shares["l1"], 2 * (sr - hr).abs().mean())
    torch.testing.assert_close(value.shares["l2"], 0.5 * value.parts["l2"])
    torch.testing.assert_close(value.total, value.shares["l1"] + value.shares["l2"])


def test_shapes_that_broadcast_are_refused():
    with pytest.raises(ValueError, match="shapes differ"):
        build_loss([{"name": "l1"}])(torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            [{"name": "smoth_l1"}],
            r"loss: \[0\].name: 'smoth_l1' is unknown; did you mean 'smooth_l1'\?",
        ),
        ([{"name": "charbonnier", "epsilom": 1}], r"\[0\].epsilom: there is no such key.*epsilon"),
        ([{"name": "charbonnier", "epsilon": 0}], r"\[0\].epsilon: should be greater than 0"),
        ([{"name": "l1"}, {"name": "l1"}], "l1 appears twice; give one of them a `label`"),
        ([{"name": "l1", "weight": 0}], "at least one term with a weight above 0"),
        ([], "at least one term"),
        ([{"name": "content", "layers": {"stem": 1.0}}], r"\[0\].extractor: this key is missing"),
        (
            [{"name": "content", "extractor": LITE0, "layers": {"stage22": 1.0}}],
            r"\[0\]: layer 'stage22' is unknown; did you mean 'stage2'",
        ),
        (
            [{"name": "texture", "extractor": {"name": "vgg17"}, "layers": {"conv1_1": 1.0}}],
            r"\[0\].extractor.name: 'vgg17' is unknown; did you mean 'vgg1[69]'",
        ),
        (
            [{"name": "texture", "extractor": LITE0, "layers": {"stage2": 1.0}, "patch": 6}],
            "patch 6 is no multiple of 4, the stride of layer 'stage2'",
        ),
        (
            [{"name": "adversarial", "kind": "wasserstein", "discriminator": {"name": "unet"}}],
            "needs a gradient_penalty above 0",
        ),
        (
            [
                {
                    "name": "adversarial",
                    "kind": "wasserstein",
                    "gradient_penalty": 10,
                    "discriminator": {"name": "patch"},
                }
            ],
            "set discriminator.norm to 'none' or 'instance'",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(terms: list, message: str):
    with pytest.raises(UserError, match=message) as raised:
        build_loss(terms)
    assert "\n" not in str(raised.value)


def test_two_terms_of_one_name_are_told_apart_by_their_labels():
    sr, hr = pictures()
    terms = [{"name": "charbonnier"}, {"name": "charbonnier", "epsilon": 0.1, "label": "blunt"}]
    assert list(build_loss(terms)(sr, hr).parts) == ["charbonnier", "blunt"]
