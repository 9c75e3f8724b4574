"""What `dvc repro` costs when nothing has changed, beside a chain of as many trivial stages."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
ROUNDS = 15
LIMIT = 1.3


def main() -> int:
    """Time both by turns and print the ratio of the shortest times."""
    stages = list(YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"])
    if "up to date" not in _repro(ROOT, "--dry").stdout:
        print("error: the pipeline is not up to date; run `make repro` first", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        trivial = Path(folder)
        _make_trivial_chain(trivial, len(stages))
        times: dict[Path, list[float]] = {ROOT: [], trivial: []}
        for _ in range(ROUNDS):
            for project, taken in times.items():
                start = time.perf_counter()
                _repro(project)
                taken.append(time.perf_counter() - start)
    ours, theirs = min(times[ROOT]), min(times[trivial])
    print(f"this pipeline, {len(stages)} stages: {ours:.2f} s")
    print(f"{len(stages)} trivial stages: {theirs:.2f} s")
    print(f"ratio: {ours / theirs:.2f} (at most {LIMIT})")
    return 0 if ours <= LIMIT * theirs else 1


def _repro(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")}
    return subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *options],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def _make_trivial_chain(folder: Path, count: int) -> None:
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    (folder / ".dvc" / "config").write_text(
        "[core]\n    analytics = false\n    check_update = false\n"
    )
    (folder / "0.txt").write_text("0\n")
    chain = {
        f"stage{number}": {
            "cmd": f"cp {number - 1}.txt {number}.txt",
            "deps": [f"{number - 1}.txt"],
            "outs": [f"{number}.txt"],
        }
        for number in range(1, count + 1)
    }
    YAML().dump({"stages": chain}, folder / "dvc.yaml")
    _repro(folder)


if __name__ == "__main__":
    sys.exit(main())
