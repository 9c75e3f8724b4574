"""The whole degradation: stored and online, errors, and what results depend on."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.degradation.config import DegradationConfig, OnlineDegradation, degrade
from pipeline.degradation.presets import PRESETS
from pipeline.errors import UserError
from pipeline.images.resize import imresize
from pipeline.schema import validate

FIXED = {
    "BI": {"preset": "BI"},
    "BD": {"preset": "BD"},
    "replicated": {"preset": "BI", "border": "replicate"},
    "practical": {
        "chain": [
            {"name": "motion_blur", "length": 7, "angle": 30},
            {"name": "resize", "method": "area"},
            {"name": "jpeg", "quality": 60},
            {"name": "quantise", "bits": 5, "dither": "ordered"},
        ]
    },
}


def read(values):
    return validate(DegradationConfig, values, where="params.yaml")


def as_batch(pictures):
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)) / 255


def as_pictures(batch):
    return (batch * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


@pytest.fixture(scope="module")
def patches(photograph):
    return [photograph[i : i + 48, i : i + 48] for i in (0, 60, 120, 180)]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("values", FIXED.values(), ids=list(FIXED))
def test_online_equals_stored_where_nothing_is_drawn(patches, values, scale):
    config = read(values)
    online = OnlineDegradation(config, scale=scale)(as_batch(patches), range(4))
    stored = [degrade(p, config, scale=scale, seed=0, name="x") for p in patches]
    np.testing.assert_array_equal(as_pictures(online), np.stack(stored))


@pytest.mark.parametrize("preset", PRESETS)
def test_online_lr_has_8_bits_and_depends_on_its_own_seed_alone(patches, preset):
    online = OnlineDegradation(read({"preset": preset}), scale=4)
    hr = as_batch(patches)
    together = online(hr, [5, 6, 7, 8])
    assert together.dtype == torch.float32
    assert together.shape == (4, 3, 12, 12)
    assert torch.equal((together * 255).round() / 255, together)
    backwards = online(hr.flip(0), [8, 7, 6, 5]).flip(0)
    singles = torch.cat([online(hr[i : i + 1], [5 + i]) for i in range(4)])
    assert torch.equal(together, backwards)
    assert torch.equal(together, singles)


def test_online_takes_batches_in_any_memory_layout(patches):
    online = OnlineDegradation(read({"preset": "BD"}), scale=4)
    hr = as_batch(patches)
    strided = hr.to(memory_format=torch.channels_last)
    assert torch.equal(online(hr, range(4)), online(strided, range(4)))


def test_online_leaves_hr_as_it_was(patches):
    hr = as_batch(patches)
    before = hr.clone()
    for preset in PRESETS:
        OnlineDegradation(read({"preset": preset}), scale=4)(hr, range(4))
    assert torch.equal(hr, before)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.text(max_size=20), st.sampled_from(PRESETS))
def test_the_same_seed_and_name_give_the_same_bytes(seed, name, preset):
    hr = np.random.default_rng(1).integers(0, 256, (24, 24, 3), np.uint8)
    config = DegradationConfig(preset=preset)
    first, second = (degrade(hr, config, scale=2, seed=seed, name=name) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("level", [0, 77, 255])
def test_constants_survive_blur_and_resize(level):
    hr = np.full((36, 36, 3), level, np.uint8)
    for values in FIXED.values():
        if "chain" not in values:
            assert (degrade(hr, read(values), scale=3, seed=0, name="a") == level).all()


def test_the_default_is_bicubic(photograph):
    lr = degrade(photograph, DegradationConfig(), scale=2, seed=0, name="a")
    np.testing.assert_array_equal(lr, imresize(photograph, 0.5))


def test_borders_are_those_of_the_whole_degradation(photograph):
    lr = degrade(photograph, read({"border": "replicate"}), scale=4, seed=0, name="a")
    np.testing.assert_array_equal(lr, imresize(photograph, 0.25, border="replicate"))
    assert not np.array_equal(lr, imresize(photograph, 0.25))


def test_hr_that_is_no_multiple_of_the_scale_is_refused():
    with pytest.raises(ValueError, match="HR of 31x30 is no multiple of scale 4: crop it first"):
        degrade(np.zeros((30, 31, 3), np.uint8), DegradationConfig(), scale=4, seed=0, name="a")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"preset": "BIC"}, "preset: 'BIC' is not one of 'BI', 'BD', 'DN'"),
        ({"preset": "BI", "chain": []}, "preset and chain exclude each other"),
        ({"mode": "on"}, "mode: 'on' is not one of 'stored' or 'online'"),
        ({"chian": []}, "chian: there is no such key; did you mean 'chain'"),
        ({"chain": [{"name": "gausian_blur"}]}, "did you mean 'gaussian_blur'"),
        ({"chain": [{"name": "jpeg", "quality": 101}]}, "chain[0].quality: should lie in [1, 100]"),
        ({"chain": [{"name": "jpeg", "qualty": 90}]}, "did you mean 'quality'"),
        ({"chain": [{"size": 3}]}, "chain[0].name: this key is missing"),
        (
            {"chain": [{"name": "shuffle", "steps": [{"name": "jpeg"}, {"name": "jpg"}]}]},
            "chain[0].steps[1].name: 'jpg' is unknown",
        ),
        (
            {"chain": [{"name": "choice", "options": [{"probability": 2, "steps": []}]}]},
            "chain[0].options[0].probability: should lie in [0, 1]",
        ),
        ({"chain": [{"name": "resize", "factor": True}]}, "a fraction like 1/3"),
        ({"chain": [{"name": "resize", "factor": "1/0"}]}, "a fraction like 1/3"),
        ({"border": "reflect"}, "border: 'reflect' is not one of"),
    ],
)
def test_mistakes_are_named_by_their_key_with_the_remedy(values, message):
    with pytest.raises(UserError) as raised:
        read(values)
    assert message in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
