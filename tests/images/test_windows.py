"""Where a method errs most, and how it is shown."""

import numpy as np
import pytest

from pipeline.images.windows import comparison_sheet, most_telling_window


def test_the_window_is_where_the_baseline_errs_most():
    hr = np.zeros((200, 160, 3), np.uint8)
    baseline = hr.copy()
    baseline[120:150, 80:110] = 255
    window = most_telling_window(hr, baseline, size=64)
    assert window.top <= 120
    assert window.top + 64 >= 150
    assert window.left <= 80
    assert window.left + 64 >= 110


@pytest.mark.parametrize("shape", [(30, 200, 3), (64, 64), (65, 64, 3)])
def test_small_pictures_have_a_window_inside(shape: tuple[int, ...]):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    window = most_telling_window(picture, np.zeros_like(picture))
    cut = window.cut(picture)
    assert cut.shape[:2] == (window.size, window.size)
    assert comparison_sheet([("HR", picture)], picture, window).ndim == 3
