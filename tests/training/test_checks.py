"""Impossible combinations are named before any work."""

import pytest

from pipeline.errors import UserError
from pipeline.training.checks import check_recipe
from tests.training.recipes import adversarial
from tests.training.stores import small_recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"patch_size": 17},
            r"^train.patch_size: 17 is not a multiple of the scale 2; .*16 and 18",
        ),
        ({"patch_size": 1}, r"^train.patch_size: 1 is not a multiple .* are 2$"),
        (
            {"validation": {"metrics": ["psnrr_y"]}},
            r"^train.validation.metrics: 'psnrr' is no metric; did you mean 'psnr'",
        ),
        (
            {"scale": 5},
            r"^model: edsr is not defined for scale 5",
        ),
        ({"phases": [{"steps": 5}]}, r"^train.steps: 12, but train.phases have 5 .* set it to 5$"),
        (
            {"phases": [{"steps": 6}, {"steps": 6, "patch_size": 9}]},
            r"^train.phases\[1\].patch_size: 9 is not a multiple of the scale 2",
        ),
        ({"phases": [{"steps": 12, "scale": 4}]}, r"^train.phases\[0\].scale: 4 is more than"),
        (
            {"scale": 4, "phases": [{"steps": 12, "scale": 2}]},
            r"^train.phases\[0\].scale: the last phase trains the run's scale 4, not 2",
        ),
        (
            {"phases": [{"steps": 12, "blend_steps": 3}]},
            r"^train.phases\[0\].blend_steps: only progressive networks",
        ),
        (
            {"phases": [{"steps": 12, "degradation": {"mode": "online"}}]},
            r"^train.phases\[0\].degradation: LR is stored; set degradation.mode to online",
        ),
        ({"batch_size": 3, "accumulation": 2}, r"^train.batch_size: 3 is not a multiple of .* = 2"),
        ({"batch_size": 3, "processes": 2}, r"^train.batch_size: 3 is not a multiple of .* = 2"),
        (
            {"keep_best": "ssim_y"},
            r"^train.keep_best: ssim_y is not among train.validation.metrics",
        ),
        (
            {"early_stop": {"metric": "psnr_rgb", "patience": 1}},
            r"^train.early_stop.metric: psnr_rgb is not among .*psnr_y",
        ),
        (
            {"discriminators": {"adversary": {}}},
            r"^train.discriminators.adversary: no adversarial term .* there is none",
        ),
        (
            {"loss": [adversarial(discriminator={"name": "patch"})]},
            r"^loss: discriminator 'patch' of 3 layers needs patches of at least 24 pixels, not 16",
        ),
        (
            {"degradation": {"mode": "online", "chain": [{"name": "jpeg", "quality": 50}]}},
            r"^degradation: chain: leads to 1 of HR",
        ),
    ],
)
def test_the_key_and_the_remedy_are_in_the_message(change: dict[str, object], message: str):
    recipe = small_recipe(**change)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        check_recipe(recipe)
