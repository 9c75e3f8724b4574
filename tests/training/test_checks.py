"""Impossible combinations are named before any work."""

import pytest

from pipeline.errors import UserError
from pipeline.training.checks import check_recipe
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
    ],
)
def test_the_key_and_the_remedy_are_in_the_message(change: dict[str, object], message: str):
    recipe = small_recipe(**change) if "scale" not in change else small_recipe(scale=5)
    with pytest.raises(UserError, match=message):
        check_recipe(recipe)
