"""The whole of params.yaml: the file of the project, and mistakes in it."""

from pathlib import Path

import pytest

from pipeline.config import Params, load_params
from pipeline.errors import UserError
from pipeline.schema import read_yaml
from tests.conftest import ROOT

DEFAULT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def _load(tmp_path: Path, text: str) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path)


def test_the_default_parameters_are_valid(tmp_path: Path):
    assert _load(tmp_path, DEFAULT).scale == 2


@pytest.mark.parametrize(
    ("written", "mistake", "expected"),
    [
        ("batch_size: 16", "batch_sise: 16", "train.batch_sise: there is no such key; did you"),
        ("seed: 0", "seed: zero", "seed: should be a valid integer, not 'zero'"),
        ("method: bicubic", "method: bicubc", "degradation.chain[0].method: 'bicubc' is not one"),
        ("- name: l1", "- name: l11", "loss[0].name: 'l11' is unknown; did you mean 'l1'?"),
        ("patch_size: 48", "patch_size: 49", "train.patch_size: 49 is not a multiple of the scale"),
        ("- name: embedded  ", "- name: embeded  ", "data.train[0].name: 'embeded' is unknown"),
        ("psnr_rgb", "psnr_rbg", "'psnr_rbg' is unknown; did you mean 'psnr_rgb'?"),
        ("protocol: rgb", "protocol: bgr", "evaluate.protocol: 'bgr' is not one of"),
    ],
)
def test_a_mistake_names_its_full_key(tmp_path: Path, written: str, mistake: str, expected: str):
    assert written in DEFAULT
    with pytest.raises(UserError) as caught:
        _load(tmp_path, DEFAULT.replace(written, mistake, 1))
    assert str(caught.value).startswith(str(tmp_path / "params.yaml"))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("resize", "expected"),
    [
        ("resize\n      factor: 1/3", "degradation.chain: leads to 1/3 of HR, not to 1/2 of HR"),
        ("gaussian_blur\n      size: 8\n    - name: resize", "even size shifts the picture"),
    ],
)
def test_a_chain_that_does_not_fit_the_scale_is_refused_before_any_stage_works(
    tmp_path: Path, resize: str, expected: str
):
    with pytest.raises(UserError) as caught:
        _load(
            tmp_path, DEFAULT.replace("resize        # to 1/scale\n      method: bicubic", resize)
        )
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_luma_first_needs_a_network_on_luma(tmp_path: Path):
    text = DEFAULT.replace("protocol: rgb", "protocol: luma-first")
    text = text.replace("[psnr_y, ssim_y, psnr_rgb, ssim_rgb]", "[psnr_y]")
    text = text.replace("name: edsr", "name: edsr\n  colour: rgb")
    with pytest.raises(UserError, match="luma-first is for networks on luma"):
        _load(tmp_path, text)


def test_luma_first_has_no_colour_to_score(tmp_path: Path):
    with pytest.raises(UserError, match="no colour to score; remove psnr_rgb"):
        _load(tmp_path, DEFAULT.replace("protocol: rgb", "protocol: luma-first"))


def test_weights_are_needed_by_losses_of_every_phase_and_by_metrics_and_only_then():
    values = read_yaml(ROOT / "params.yaml")
    assert Params.model_validate(values).needed_weights == []
    vgg19 = {"name": "content", "extractor": {"name": "vgg19"}, "layers": {"conv5_4": 1.0}}
    own = {"name": "vgg16", "weights": "mine.pth"}
    local = {**vgg19, "label": "own", "extractor": own, "layers": {"conv5_3": 1.0}}
    steps = values["train"]["steps"]
    values["train"]["phases"] = [{"steps": steps, "loss": [{"name": "l1"}, vgg19, local]}]
    values["evaluate"]["metrics"] = ["psnr_y", "lpips", {"name": "lpips", "backbone": "vgg16"}]
    names = [
        file.path.name.partition("-")[0] for file in Params.model_validate(values).needed_weights
    ]
    assert names == ["vgg19", "alexnet", "lpips_v0.1_alex.pth", "vgg16", "lpips_v0.1_vgg.pth"]
