"""What dvc.yaml says of the stages, against their code."""

from pathlib import Path
from typing import Any

import grimp
import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT

STAGES: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]

# What no output depends on: how parameters are read and composed (their values are listed as
# parameters), how errors are said, how work is spread over processes, what is recorded.
WITHOUT_INFLUENCE = (
    "pipeline",
    "pipeline.config",
    "pipeline.errors",
    "pipeline.parallel",
    "pipeline.schema",
    "pipeline.stage",
    "pipeline.tracking",
)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("pipeline", "stages", cache_dir=None)


def has_influence(module: str) -> bool:
    packages = WITHOUT_INFLUENCE[1:]
    return module != "pipeline" and not any(f"{module}.".startswith(f"{p}.") for p in packages)


def code_of(stage: str, graph: grimp.ImportGraph) -> set[str]:
    """Files that the stage runs, directly or through others."""
    found, waiting = set(), [f"stages.{stage}"]
    while waiting:
        module = waiting.pop()
        if module not in found and has_influence(module):
            found.add(module)
            waiting += graph.find_modules_directly_imported_by(module)
    return {file_of(module) for module in found}


def file_of(module: str) -> str:
    path = Path(*module.split("."))
    package = (ROOT / path).is_dir()
    return (path / "__init__.py" if package else path.with_suffix(".py")).as_posix()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_the_code_it_runs(stage: str, graph: grimp.ImportGraph):
    listed = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("pipeline", "stages"))]
    unlisted = {
        file
        for file in code_of(stage, graph)
        if not any(file == dep or file.startswith(f"{dep}/") for dep in listed)
    }
    assert not unlisted


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_depends_on_exists_and_is_used(stage: str, graph: grimp.ImportGraph):
    used = code_of(stage, graph)
    for dep in STAGES[stage]["deps"]:
        if dep.startswith(("pipeline", "stages")):
            assert (ROOT / dep).exists()
            assert any(file == dep or file.startswith(f"{dep}/") for file in used), dep
