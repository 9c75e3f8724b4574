"""`sr study` as a person types it, and the studies that it makes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import read_png, write_png
from pipeline.images.resize import imresize
from pipeline.inference.upscale import upscale
from pipeline.models import build_network, network_config
from pipeline.models.files import save_model
from pipeline.study.create import Design, create_study, named_methods
from pipeline.study.definition import picture_path, read_study
from pipeline.study.sources import open_material
from pipeline.study.store import connect, database_url, open_answers
from tests.study.conftest import MakeStudy


def sr(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.cli", "study", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_study_of_bicubic_a_model_and_a_folder(pictures: Path, tmp_path: Path):
    values = {"name": "fsrcnn", "preset": "small"}
    network = build_network(values, scale=2).eval()
    save_model(tmp_path / "net.safetensors", network, network_config(values), scale=2)
    done = sr(
        *("create", "s", "--hr", pictures / "hr", "--method", "bicubic", "--method"),
        *("mine=net.safetensors", "--method", pictures / "good", "--crop", 40, "--seed", 3),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "s: reference, bicubic, mine, good" in done.stdout
    study = read_study(tmp_path / "s")
    assert len(study.stimuli) == 16
    assert sum(stimulus.training for stimulus in study.stimuli) == 4
    for stimulus in study.stimuli:
        hr = read_png(pictures / "hr" / stimulus.set / f"{stimulus.image}.png")
        lr = imresize(hr, 0.5)
        whole = {
            "reference": hr,
            "bicubic": imresize(lr, 2),
            "mine": upscale(network, lr),
            "good": hr // 2 + 60,
        }[stimulus.method]
        assert stimulus.pixels_sha256 == pixels_sha256(whole)
        shown = read_png(picture_path(tmp_path / "s", stimulus.file))
        assert np.array_equal(shown, whole[10:50, 20:60])
        assert stimulus.method not in stimulus.file
    again = sr("create", "s", "--hr", pictures, "--method", pictures / "good", folder=tmp_path)
    assert again.returncode == 1
    assert "there is a study already" in again.stderr


def test_results_of_nobody_are_an_error_of_one_line(make_study: MakeStudy, tmp_path: Path):
    folder, _ = make_study()
    done = sr("results", folder, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: study: none of 0 participants who began has finished")
    assert done.stderr.count("\n") == 1


def test_results_are_written_and_shown(make_study: MakeStudy, tmp_path: Path):
    from pipeline.study.store import Answer

    folder, study = make_study(repeats=1)
    store = open_answers(study, None, folder)
    assert store.ensure_password() is not None
    store.add_participants(2)
    for person in store.participants():
        for position in range(person.total):
            assert store.take(person.id, position, Answer(1 + position % 5, 800))
            assert not store.take(person.id, position, Answer(1, 800))
    store.close()
    done = sr("results", folder, "-o", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 participants counted" in done.stdout
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"results.csv", "methods.csv", "observers.csv", "answers.csv", "plot.png"}


def test_the_same_seed_gives_the_same_study(make_study: MakeStudy, pictures: Path, tmp_path: Path):
    folder, study = make_study(seed=5)
    methods = {"good": pictures / "good", "poor": pictures / "poor"}
    material = open_material(pictures / "hr", methods, lr=None, scale=None)
    again = create_study(tmp_path / "b" / "study", material, Design(seed=5), title="Other")
    assert again.key == study.key
    assert (tmp_path / "b" / "study" / "study.json").exists()
    other = create_study(tmp_path / "c" / "study", material, Design(seed=6), title="Other")
    assert other.key != study.key
    assert read_study(folder) == study


def test_texts_can_be_changed_without_losing_answers(make_study: MakeStudy):
    folder, study = make_study()
    values = json.loads((folder / "study.json").read_text())
    values["texts"]["labels"] = ["Schlecht", "Dürftig", "Mäßig", "Gut", "Ausgezeichnet"]
    (folder / "study.json").write_text(json.dumps(values))
    assert read_study(folder).key == study.key
    values["texts"]["labels"] = ["one"]
    (folder / "study.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="takes 5 labels"):
        read_study(folder)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a=x", "a=y"], "there is a method a already"),
        (["reference=x"], "other than reference"),
        (["a b=x"], "give it a name"),
        (["models:/net/"], None),
    ],
)
def test_methods_have_names(texts: list[str], message: str | None):
    if message is None:
        assert named_methods(texts) == {"net": "models:/net/"}
        return
    with pytest.raises(UserError, match=message):
        named_methods(texts)


def test_pictures_that_do_not_fit_are_named(pictures: Path, tmp_path: Path):
    write_png(tmp_path / "other" / "a" / "one.png", np.zeros((60, 80, 3), np.uint8))
    material = open_material(pictures / "hr", {"m": tmp_path / "other"}, lr=None, scale=None)
    with pytest.raises(UserError, match="it has no picture named a/two"):
        create_study(tmp_path / "s", material, Design(), title="t")
    assert not (tmp_path / "s" / "study.json").exists()
    for key in ("a/two", "b/one", "b/three"):
        write_png(tmp_path / "other" / f"{key}.png", np.zeros((50, 80, 3), np.uint8))
    material = open_material(pictures / "hr", {"m": tmp_path / "other"}, lr=None, scale=None)
    with pytest.raises(UserError, match="80x50 pixels, which is not HR's 80x60"):
        create_study(tmp_path / "s", material, Design(), title="t")


@pytest.mark.parametrize(
    ("methods", "design", "scale", "message"),
    [
        ({"b": "bicubic"}, Design(), None, "give --scale"),
        ({"b": "bicubic"}, Design(kind="pairs", reference=False), 2, "pairs need two methods"),
        ({"b": "bicubic"}, Design(pictures=1), 2, "none is left to judge"),
    ],
)
def test_a_study_that_cannot_be_is_refused(
    methods: dict[str, str],
    design: Design,
    scale: int | None,
    message: str,
    pictures: Path,
    tmp_path: Path,
):
    def make() -> None:
        material = open_material(pictures / "hr", methods, lr=None, scale=scale)
        create_study(tmp_path / "s", material, design, title="t")

    with pytest.raises(UserError, match=message):
        make()


def test_databases_are_sqlite_or_postgresql(tmp_path: Path):
    assert database_url(None, tmp_path).database == str(tmp_path / "answers.db")
    for address in ("postgresql://u:p@h/d", "postgres://u:p@h/d", "postgresql+psycopg2://u:p@h/d"):
        assert database_url(address, tmp_path).drivername == "postgresql+psycopg2"
    with pytest.raises(UserError, match="mysql is neither"):
        database_url("mysql://h/d", tmp_path)
    with pytest.raises(UserError, match="give an address"):
        database_url("nonsense", tmp_path)
    pytest.importorskip("psycopg2")
    with pytest.raises(UserError, match="no database answers there") as caught:
        connect(database_url("postgresql://u:secret@127.0.0.1:1/d", tmp_path))
    assert "secret" not in str(caught.value)


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path):
    from sqlalchemy import text

    engine = connect(database_url(None, tmp_path))
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()
