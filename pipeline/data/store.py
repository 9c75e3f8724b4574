"""The HR store: every raw picture as a verified lossless PNG, and a manifest.

Incremental: what a raw file decodes to is remembered in a work folder, and a picture is decoded
again only when its file, or the way of decoding, has changed. For that DVC must leave the store in
place before it runs the stage (`persist: true`). Nothing found there is trusted: every file is
compared by its digest, what does not belong is removed, and the outcome is byte for byte that of
an empty start. The work folder may be deleted at any time. A run that fails leaves the store as it
was; what it had decoded already waits in the work folder.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.data.facts import Facts, recall, remember, store_png
from pipeline.data.hashing import file_sha256s
from pipeline.data.leakage import Candidate, find_pairs
from pipeline.data.mirror import remove_others
from pipeline.data.raw import RawFile, list_raw
from pipeline.errors import UserError
from pipeline.images.manifest import FILE_NAME, write_manifest
from pipeline.parallel import parallel_map

if TYPE_CHECKING:
    import pandas as pd


class _Task(NamedTuple):
    raw: Path
    png: Path


def build_store(
    raw: Path,
    hr: Path,
    *,
    work: Path,
    allow_leakage: bool = False,
    allow_duplicates: bool = False,
    jobs: int | None = None,
) -> None:
    """Make `hr` the lossless store of everything in `raw`.

    Args:
        raw: `<split>/<set>/` folders of picture files, with subfolders.
        hr: Store; becomes `<split>/<set>/<name>.png` and `manifest.csv`, and nothing else.
        work: Folder for pictures in progress and for what is remembered between runs.
        allow_leakage: Name photographs that two splits share, instead of refusing them.
        allow_duplicates: Name equal pictures of one split, instead of refusing them.
        jobs: Number of processes; all cores by default.

    Raises:
        UserError: If files are no pictures or damaged (all of them in one error), or pictures
            are refused. The store is then as it was before.
    """
    files = list_raw(raw)
    digests = [digest or "" for digest in file_sha256s([file.path for file in files])]
    known = recall(work)
    ready = _unchanged(files, digests, known, hr)
    waiting = [(f, d) for f, d in zip(files, digests, strict=True) if f.stored not in ready]
    left = _unchanged([f for f, _ in waiting], [d for _, d in waiting], known, work)
    missing = [(f, d) for f, d in waiting if f.stored not in left]
    known |= _decode(missing, known, work, jobs)
    facts = [known[digest] for digest in digests]
    _refuse(files, facts, allow_leakage=allow_leakage, allow_duplicates=allow_duplicates)
    _publish(files, [file for file, _ in waiting], hr, work)
    write_manifest(hr, _manifest(files, digests, facts))
    remember(work, dict(zip(digests, facts, strict=True)))


def _unchanged(
    files: Sequence[RawFile], digests: Sequence[str], known: Mapping[str, Facts], folder: Path
) -> set[str]:
    """Which pictures a folder holds already, exactly as they have to be."""
    likely = [(f, known[d]) for f, d in zip(files, digests, strict=True) if d in known]
    found = file_sha256s([folder / file.stored for file, _ in likely])
    return {f.stored for (f, facts), d in zip(likely, found, strict=True) if d == facts.file_sha256}


def _decode(
    missing: Sequence[tuple[RawFile, str]], known: Mapping[str, Facts], work: Path, jobs: int | None
) -> dict[str, Facts]:
    """Decode files into the work folder; what is sound is remembered even if others are not."""
    tasks = [_Task(file.path, work / file.stored) for file, _ in missing]
    results = parallel_map(_attempt, tasks, description="store_hr", jobs=jobs)
    found = {
        digest: result
        for (_, digest), result in zip(missing, results, strict=True)
        if isinstance(result, Facts)
    }
    remember(work, {**known, **found})
    if errors := [result for result in results if isinstance(result, str)]:
        advice = "mend or remove the above, or choose files with the source's `pattern`"
        raise UserError("\n".join([*errors, advice]))
    return found


def _attempt(task: _Task) -> Facts | str:
    try:
        return store_png(task.raw, task.png)
    except UserError as error:
        return str(error)


def _refuse(
    files: Sequence[RawFile],
    facts: Sequence[Facts],
    *,
    allow_leakage: bool,
    allow_duplicates: bool,
) -> None:
    pairs = find_pairs([_candidate(f, facts_) for f, facts_ in zip(files, facts, strict=True)])
    refused = []
    for pair in pairs:
        if allow_leakage if pair.leaks else allow_duplicates:
            print(f"note: {pair}")
        else:
            refused.append(pair)
    lines = [str(pair) for pair in refused]
    if any(pair.leaks for pair in refused):
        lines.append(
            "a photograph in two splits spoils the scores (some published sets share pictures): "
            "remove one of each pair, or set data.allow_leakage: true"
        )
    if not all(pair.leaks for pair in refused):
        lines.append("remove one of each equal pair, or set data.allow_duplicates: true")
    if lines:
        raise UserError("\n".join(lines))


def _candidate(file: RawFile, facts: Facts) -> Candidate:
    size = (facts.width, facts.height)
    return Candidate(file.split, file.set, file.name, facts.pixels_sha256, size, facts.bits)


def _publish(files: Sequence[RawFile], waiting: Sequence[RawFile], hr: Path, work: Path) -> None:
    """Move new pictures into the store and remove what does not belong."""
    # The manifest goes first and is written last: a store that has one is complete.
    (hr / FILE_NAME).unlink(missing_ok=True)
    new = {file.stored for file in waiting}
    remove_others(hr, [file.stored for file in files if file.stored not in new])
    for stored in new:
        target = hr / stored
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(work / stored, target)
    remove_others(work, [])


def _manifest(
    files: Sequence[RawFile], digests: Sequence[str], facts: Sequence[Facts]
) -> "pd.DataFrame":
    import pandas as pd

    columns = ["split", "set", "name", *Facts._fields[:-1], "source", "source_sha256"]
    rows = [
        (file.split, file.set, file.name, *known[:-1], file.source, digest)
        for file, digest, known in zip(files, digests, facts, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)
