"""Adversarial losses against closed forms, penalties against analytic gradients, and the term."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from pipeline.errors import UserError
from pipeline.losses import build_loss
from pipeline.losses.adversarial import (
    Adversarial,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
)

KINDS = ["vanilla", "least_squares", "hinge", "wasserstein", "relativistic"]
LITE0 = {"name": "efficientnet_lite0"}
FAKE, REAL = torch.tensor([[-0.5], [0.25]]), torch.tensor([[2.0], [0.5]])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


# By hand from the papers' equations, for the logits above (means -0.125 and 1.25).
GENERATOR = {
    "vanilla": mean(-math.log(sigmoid(f)) for f in (-0.5, 0.25)),
    "least_squares": mean((f - 1) ** 2 for f in (-0.5, 0.25)) / 2,
    "hinge": 0.125,
    "wasserstein": 0.125,
    "relativistic": mean(-math.log(1 - sigmoid(r + 0.125)) for r in (2.0, 0.5))
    + mean(-math.log(sigmoid(f - 1.25)) for f in (-0.5, 0.25)),
}
DISCRIMINATOR = {
    "vanilla": mean(-math.log(sigmoid(r)) for r in (2.0, 0.5))
    + mean(-math.log(1 - sigmoid(f)) for f in (-0.5, 0.25)),
    "least_squares": mean((r - 1) ** 2 for r in (2.0, 0.5)) / 2
    + mean(f**2 for f in (-0.5, 0.25)) / 2,
    "hinge": mean((0.0, 0.5)) + mean((0.5, 1.25)),
    "wasserstein": -0.125 - 1.25,
    "relativistic": mean(-math.log(sigmoid(r + 0.125)) for r in (2.0, 0.5))
    + mean(-math.log(1 - sigmoid(f - 1.25)) for f in (-0.5, 0.25)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_losses_equal_the_equations(kind: str):
    assert generator_loss(kind, FAKE, REAL).item() == pytest.approx(GENERATOR[kind], rel=1e-5)
    assert discriminator_loss(kind, FAKE, REAL).item() == pytest.approx(
        DISCRIMINATOR[kind], rel=1e-5
    )


def test_vanilla_is_binary_cross_entropy():
    ones, zeros = torch.ones(2, 1), torch.zeros(2, 1)
    expected = binary_cross_entropy_with_logits(REAL, ones)
    expected = expected + binary_cross_entropy_with_logits(FAKE, zeros)
    torch.testing.assert_close(discriminator_loss("vanilla", FAKE, REAL), expected)
    torch.testing.assert_close(
        generator_loss("vanilla", FAKE, REAL), binary_cross_entropy_with_logits(FAKE, ones)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_two_want_the_opposite(kind: str):
    fake, real = FAKE.clone().requires_grad_(), REAL.clone().requires_grad_()
    (up,) = torch.autograd.grad(generator_loss(kind, fake, real), fake)
    down_fake, down_real = torch.autograd.grad(discriminator_loss(kind, fake, real), [fake, real])
    assert (up < 0).all()  # the generator raises the logits of SR
    assert (down_fake[1] > 0).all()  # the discriminator lowers them
    assert (down_real[1] < 0).all()  # and raises those of HR


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_of_equal_logits_counts_as_one(kind: str):
    fake, real = (x.view(2, 1, 1, 1).expand(2, 1, 5, 7) for x in (FAKE, REAL))
    for loss in (generator_loss, discriminator_loss):
        torch.testing.assert_close(loss(kind, fake, real), loss(kind, FAKE, REAL))


@pytest.mark.parametrize("kind", KINDS)
def test_far_logits_overflow_nothing(kind: str):
    for value in (-1e4, 1e4):
        x = torch.full((2, 1), value, requires_grad=True)
        (generator_loss(kind, x, -x) + discriminator_loss(kind, x, -x)).backward()
        assert torch.isfinite(x.grad).all()


class Quadratic(nn.Module):
    """a * |x|^2 / 2 + b . x, whose gradient at x is a * x + b."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(a)), b

    def forward(self, x):
        return (self.a * x.square() / 2 + self.b * x).flatten(1).sum(dim=1, keepdim=True)


def test_r1_is_the_squared_gradient_at_real_data():
    real = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    network = Quadratic(0.5, 2.0)
    penalty = r1_penalty(network, real)
    expected = (0.5 * real + 2.0).square().flatten(1).sum(dim=1).mean()
    torch.testing.assert_close(penalty, expected)
    penalty.backward()
    slope = (2 * (0.5 * real + 2.0) * real).flatten(1).sum(dim=1).mean()
    torch.testing.assert_close(network.a.grad, slope)


def test_gradient_penalty_is_the_distance_of_the_length_from_one_between_the_two():
    fake, real = torch.rand(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    fractions = torch.tensor([0.0, 0.25, 1.0])
    network = Quadratic(0.5, 2.0)
    penalty = gradient_penalty(network, fake, real, fractions=fractions)
    share = fractions.view(3, 1, 1, 1)
    between = (1 - share) * fake + share * real
    lengths = (0.5 * between + 2.0).flatten(1).norm(dim=1)
    torch.testing.assert_close(penalty, (lengths - 1).square().mean())
    penalty.backward()
    assert network.a.grad is not None


def test_gradient_penalty_of_a_plane_of_unit_slope_is_zero_and_of_a_flat_one_finite():
    fake, real = torch.rand(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    fractions = torch.rand(3, generator=torch.Generator().manual_seed(1))
    unit = gradient_penalty(Quadratic(0.0, 0.25), fake, real, fractions=fractions)
    assert unit.item() == pytest.approx(0, abs=1e-10)  # 16 slopes of 1/4 have length 1
    flat = Quadratic(0.0, 0.0)
    value = gradient_penalty(flat, fake, real, fractions=fractions)
    value.backward()
    assert value == 1
    assert torch.isfinite(flat.a.grad)


def term(kind: str = "vanilla", **settings) -> dict:
    judge = {"name": "patch", "num_features": 8, "num_layers": 2, "norm": "none"}
    return {"name": "adversarial", "kind": kind, "discriminator": judge} | settings


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(4, 3, 32, 32, generator=generator)
    return (hr + 0.2 * torch.randn(hr.shape, generator=generator)).requires_grad_(), hr


def built(settings: dict, **sizes) -> Adversarial:
    torch.manual_seed(0)
    return build_loss([settings], **sizes).adversarial["adversarial"]


def penalised(kind: str) -> dict:
    return term(kind, gradient_penalty=10.0) if kind == "wasserstein" else term(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_generator_gets_a_gradient_and_the_discriminator_none(kind: str):
    adversarial = built(penalised(kind))
    sr, hr = pair()
    adversarial(sr, hr).backward()
    assert sr.grad.abs().max() > 0
    assert all(p.grad is None and p.requires_grad for p in adversarial.discriminator.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_discriminator_gets_a_gradient_and_the_generator_none(kind: str):
    adversarial = built(penalised(kind) | {"r1": 1.0})
    sr, hr = pair()
    value = adversarial.discriminator_value(sr, hr, fractions=torch.linspace(0, 1, 4))
    value.total.backward()
    assert sr.grad is None
    # The last bias moves real and fake logits alike, which a difference of both does not see.
    names = [n for n, p in adversarial.discriminator.named_parameters() if not p.grad.abs().max()]
    assert names in ([], ["body.6.bias"])
    assert {"loss", "real", "fake", "r1"} <= value.parts.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_discriminator_learns_to_tell_noise_from_ramps(kind: str):
    adversarial = built(penalised(kind))
    ramps = torch.linspace(0, 1, 32).expand(4, 3, 32, 32)
    noise = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(adversarial.discriminator.parameters(), 1e-3, betas=(0.5, 0.9))
    for _ in range(30):
        optimizer.zero_grad()
        value = adversarial.discriminator_value(noise, ramps, fractions=torch.rand(len(noise)))
        value.total.backward()
        optimizer.step()
    assert value.parts["real"] > value.parts["fake"] + 0.3


def test_penalties_are_weighted_and_the_fractions_choose_where_they_look():
    sr, hr = pair()
    adversarial = built(term("vanilla", r1=4.0, gradient_penalty=10.0))
    places = [torch.full((4,), place) for place in (0.2, 0.2, 0.9)]
    values = [adversarial.discriminator_value(sr, hr, fractions=place) for place in places]
    parts = values[0].parts
    expected = parts["loss"] + 4.0 / 2 * parts["r1"] + 10.0 * parts["gradient_penalty"]
    torch.testing.assert_close(values[0].total.detach(), expected)
    assert torch.equal(values[0].total, values[1].total)
    assert values[0].parts["gradient_penalty"] != values[2].parts["gradient_penalty"]


def test_the_term_takes_part_only_with_a_step_and_after_its_warm_up():
    loss = build_loss([{"name": "l1"}, term(weight=0.1, warmup_steps=5)])
    sr, hr = pair()
    for step, parts in ((None, ["l1"]), (4, ["l1"]), (5, ["l1", "adversarial"])):
        value = loss(sr, hr, step=step)
        assert list(value.parts) == parts
        torch.testing.assert_close(value.total, sum(value.shares.values()))


def test_two_discriminators_stand_side_by_side():
    feature = {"name": "feature", "extractor": LITE0, "layer": "stage3", "num_features": 8}
    loss = build_loss(
        [term(label="image"), term(label="feature", discriminator=feature)], patch_size=32
    )
    sr, hr = pair()
    assert list(loss(sr, hr, step=0).parts) == ["image", "feature"]
    value = loss(sr, hr, step=0)
    judge = loss.adversarial["feature"]
    torch.testing.assert_close(value.seen["feature"].fake, judge.seen(sr))
    torch.testing.assert_close(value.seen["feature"].real, judge.seen(hr))
    value = judge.discriminator_value(*value.seen["feature"])
    value.total.backward()
    judged = loss.adversarial["feature"].discriminator.parameters()
    assert all(p.grad is not None for p in judged)
    assert not any(p.requires_grad for p in loss.adversarial["feature"].extractor.parameters())


def test_a_feature_level_generator_loss_reaches_the_pixels():
    judge = {"name": "feature", "extractor": LITE0, "layer": "stage2", "head": "pooled"}
    adversarial = built(term(discriminator=judge))
    sr, hr = pair()
    adversarial(sr, hr).backward()
    assert sr.grad.abs().max() > 0


def test_luma_networks_have_discriminators_of_one_channel():
    adversarial = built(term(), num_channels=1)
    sr, hr = (x[:, :1].detach() for x in pair())
    assert torch.isfinite(adversarial(sr, hr))


def test_settings_without_a_discriminator_are_an_error():
    with pytest.raises(UserError, match=r"\[0\]\.discriminator: this key is missing"):
        build_loss([{"name": "adversarial", "kind": "vanilla"}])
