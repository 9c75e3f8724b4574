"""Published rows beside ours."""

from pipeline.degradation.config import DegradationConfig
from pipeline.evaluation.published import beside_published, published_rows


def _summary(set_name: str, scale: int) -> dict:
    scores = {"psnr_y": 33.0, "ssim_y": 0.93}
    return {"protocol": {"scale": scale}, "sets": {set_name: {"network": scores, "images": 5}}}


def test_the_bicubic_row_is_the_one_everyone_publishes():
    rows = {row.network: row for row in published_rows("Set5", 2)}
    assert rows["bicubic"][1:3] == (33.66, 0.9299)


def test_the_difference_is_ours_minus_theirs():
    chain = list(DegradationConfig().steps(2))
    beside = beside_published(_summary("Set5", 2), chain)["Set5"]
    rows = {each.row.network: each for each in beside}
    assert rows["bicubic"].psnr_y == round(33.0 - 33.66, 4)
    assert rows["SRCNN"].row.source.startswith("CARN repository")


def test_another_set_scale_or_degradation_has_no_rows():
    bicubic = list(DegradationConfig().steps(2))
    blurred = list(DegradationConfig(preset="BD").steps(3))
    assert beside_published(_summary("mine", 2), bicubic) == {}
    assert beside_published(_summary("Set5", 7), bicubic) == {}
    assert beside_published(_summary("Set5", 3), blurred) == {}
