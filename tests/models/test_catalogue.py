"""The table of networks, and the page that is written from it."""

import cProfile
import pstats
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest

from pipeline.models import NETWORK_CONFIGS
from pipeline.models.catalogue import GROUPS, entries, page, text_table, write_documents
from pipeline.models.diagrams import DIAGRAMS, svg

listed = cache(entries)
ROOT = Path(__file__).parent.parent.parent


def test_every_preset_of_every_network_is_listed():
    found = {(entry.name, entry.preset) for entry in listed(2)}
    assert found == {
        (name, preset)
        for name, config in NETWORK_CONFIGS.items()
        for preset in config.presets or [""]
    }


def test_networks_that_lack_a_scale_are_not_listed_for_it():
    assert {entry.name for entry in listed(2)} - {entry.name for entry in listed(3)} == {
        name for name, config in NETWORK_CONFIGS.items() if 3 not in config.scales
    }


def test_every_group_has_its_text_and_its_diagram():
    groups = {config.group() for config in NETWORK_CONFIGS.values()}
    assert groups == set(GROUPS) == set(DIAGRAMS)


@pytest.mark.parametrize("group", sorted(DIAGRAMS))
def test_diagrams_are_well_formed_and_keep_their_labels_inside(group: str):
    root = ElementTree.fromstring(svg(DIAGRAMS[group]))
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert left <= float(text.attrib["x"]) <= left + width
        assert top + 10 <= float(text.attrib["y"]) <= top + height - 4


def test_the_committed_page_is_the_generated_one(tmp_path: Path):
    write_documents(tmp_path)
    written = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) == 1 + len(DIAGRAMS)
    for path in written:
        committed = ROOT / "docs" / path.relative_to(tmp_path)
        assert committed.read_text("utf-8") == path.read_text("utf-8"), (
            "run python -m pipeline.models.catalogue docs"
        )


def test_the_page_holds_the_table_of_the_command():
    text = page(4)
    for entry in entries(4):
        assert " | ".join(entry.cells()[1:]) in text
    assert "edsr" in text_table(4)


def test_the_table_is_counted_without_making_values():
    entries(4)  # what PyTorch loads when first asked
    profile = cProfile.Profile()
    profile.runcall(entries, 4)
    # Calls, since seconds depend on what else the machine does: 4.8 million, about two seconds;
    # 7.1 million if the networks' first values were drawn.
    assert pstats.Stats(profile).total_calls < 6_000_000


@pytest.mark.slow
def test_the_command_loads_no_more_than_it_needs():
    command = [sys.executable, "-X", "importtime", "-m", "pipeline.cli", "models"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines}
    assert "torch" in loaded
    assert not loaded & {"dvc", "matplotlib", "mlflow", "pandas", "skimage"}
