"""Curricula: what each phase overrides, and how levels grow."""

import pytest
import torch

from pipeline.models import build_network
from pipeline.training.levels import UpToLevel, at_scale
from pipeline.training.phases import phases_of
from pipeline.training.processes import Team
from pipeline.training.state import TrainingState
from tests.training.recipes import CURRICULUM, LEVELS, SCALES
from tests.training.stores import small_recipe


def test_without_a_curriculum_there_is_one_phase():
    (phase,) = phases_of(small_recipe())
    assert (phase.start, phase.stop, phase.scale, phase.patch_size) == (0, 12, 2, 16)


def test_each_phase_overrides_what_it_names_and_nothing_else():
    one, two, three = phases_of(small_recipe(**CURRICULUM))
    assert [(p.start, p.stop) for p in (one, two, three)] == [(0, 4), (4, 8), (8, 12)]
    assert [(p.patch_size, p.batch_size) for p in (one, two, three)] == [(8, 4), (16, 2), (24, 2)]
    assert [len(p.loss) for p in (one, two, three)] == [1, 2, 2]
    recipe = small_recipe(**CURRICULUM)
    base = recipe.train.schedule
    # The schedule of `train` counts over all steps, one of a phase over its own.
    assert one.rate(2) == pytest.approx(2e-3 * base.factor(2, 12))
    assert two.rate(5) == pytest.approx(1e-3 * base.factor(5, 12))
    assert three.rate(8) == pytest.approx(1e-3)
    assert three.rate(10) == pytest.approx(1e-3 / 2)


def test_levels_blend_in_over_the_steps_asked_for():
    phase = phases_of(small_recipe(**LEVELS))[1]
    assert [phase.blend(step) for step in range(5, 11)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    )


@pytest.mark.parametrize("name", ["lapsrn", "ms_lapsrn", "prosr"])
def test_a_network_up_to_a_level_has_the_pictures_of_the_whole(name: str):
    network = build_network({"name": name}, scale=4).eval()
    lr = torch.rand(1, network.num_channels, 8, 8)
    assert at_scale(network, 4, 1.0) is network
    low = at_scale(network, 2, 1.0)
    with torch.no_grad():
        pictures = network.forward_all(lr)
        torch.testing.assert_close(low.forward_all(lr), pictures[:1])
        blended = at_scale(network, 4, 0.25)
        assert isinstance(blended, UpToLevel)
        below, top = blended.forward_all(lr)
        torch.testing.assert_close(below, pictures[0])
        torch.testing.assert_close(top, blended(lr))
        doubled = torch.nn.functional.interpolate(below, scale_factor=2.0, mode="bilinear")
        torch.testing.assert_close(top, 0.75 * doubled + 0.25 * pictures[1])


def test_a_network_for_a_lower_scale_hands_its_weights_on():
    recipe = small_recipe(**SCALES)
    low, full = phases_of(recipe)
    state = TrainingState(recipe, low, team=Team())
    assert state.network.scale == 2
    before = {key: value.clone() for key, value in state.network.state_dict().items()}
    state.enter(full)
    assert state.network.scale == 4
    after = state.network.state_dict()
    shared = before.keys() & after.keys()
    assert len(shared) > 5
    assert all(torch.equal(before[key], after[key]) for key in shared)


def test_a_discriminator_goes_on_where_its_term_does():
    recipe = small_recipe(**CURRICULUM)
    _, two, three = phases_of(recipe)
    state = TrainingState(recipe, two, team=Team())
    judge = state.judges["adversarial"].term.discriminator
    before = {key: value.clone() for key, value in judge.state_dict().items()}
    state.enter(three)
    after = state.judges["adversarial"].term.discriminator.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
