"""The recipes are complete params files that the schema accepts."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.config import load_params
from tests.conftest import ROOT

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_valid_and_has_every_key_that_dvc_watches(recipe: Path):
    params = load_params(recipe)
    values = YAML(typ="safe").load(recipe)
    for key in {key for stage in STAGES.values() for key in stage["params"]}:
        section = values
        for part in key.split("."):
            assert part in section, key
            section = section[part]
    phases = params.train.phases or []
    assert sum(phase.steps for phase in phases) in (0, params.train.steps)


def test_gan_recipes_ask_for_the_published_features_before_training():
    for name in ("srgan", "esrgan"):
        files = [
            file.path.name for file in load_params(ROOT / f"recipes/{name}.yaml").needed_weights
        ]
        assert files == ["vgg19-dcbb9e9d.pth"]
