"""The HR store: every raw picture as a verified lossless PNG, and a manifest.

Incremental: what a raw file's bytes decode to is remembered in a work folder, so a picture is
decoded again only when its file, or the way of decoding, has changed. DVC must therefore keep the
store between runs (`persist: true`); nothing in it is trusted without comparing its digest, and
the work folder may be deleted at any time. A failed run leaves the store as it was.
"""

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from PIL import features

from pipeline.data import fingerprint as fingerprint_module
from pipeline.data.decode import decode
from pipeline.data.fingerprint import fingerprint
from pipeline.data.hashing import file_sha256, file_sha256s
from pipeline.data.leakage import Candidate, find_pairs
from pipeline.data.manifest import FILE_NAME, pixels_sha256, write_manifest
from pipeline.data.mirror import copy, remove_others
from pipeline.data.sources import SPLITS
from pipeline.errors import UserError
from pipeline.images import read_png, write_png
from pipeline.parallel import parallel_map


class Entry(NamedTuple):
    """A raw file and the place of its picture in the store."""

    split: str
    set: str
    name: str
    raw: Path
    source: str

    @property
    def stored(self) -> str:
        """Path of the picture below the store, with `/`."""
        return f"{self.split}/{self.set}/{self.name}.png"


class Facts(NamedTuple):
    """What the bytes of a raw file decode to."""

    width: int
    height: int
    channels: int
    lossy: bool
    pixels_sha256: str
    file_sha256: str
    fingerprint: str


class _Task(NamedTuple):
    raw: Path
    png: Path


def build_store(raw: Path, hr: Path, *, work: Path, allow_leakage: bool = False) -> None:
    """Make `hr` the lossless store of everything in `raw`.

    Args:
        raw: `<split>/<set>/` folders of picture files, with subfolders.
        hr: Store; becomes `<split>/<set>/<name>.png` and `manifest.csv`, and nothing else.
        work: Folder for pictures in progress and for what is remembered between runs.
        allow_leakage: Name pictures that two splits share, instead of refusing them.

    Raises:
        UserError: If files are no pictures or damaged (all of them in one error), or if splits
            share pictures. The store is then as it was before.
    """
    entries = list_raw(raw)
    digests = _digests(entries)
    facts = _recall(work)
    ready = _ready(entries, digests, facts, hr)
    facts = facts | _decode_missing(entries, digests, ready, facts, work)
    _report_pairs(entries, [facts[digest] for digest in digests], allow=allow_leakage)
    _publish(entries, digests, facts, ready, hr, work)


def list_raw(raw: Path) -> list[Entry]:
    """List the raw files and give each a name that is unique in its set.

    The name is the path in the set without suffix, `/` as `__`, in Unicode's composed form; where
    two would be equal (letter case aside) the later ones end in `~2`, `~3`, ....
    """
    entries = []
    for folder in sorted(path for split in SPLITS for path in (raw / split).glob("*/")):
        files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        plain = [unicodedata.normalize("NFC", name.rsplit(".", 1)[0]) for name in files]
        names = distinct(name.replace("/", "__") for name in plain)
        for file, name in zip(files, names, strict=True):
            split, set_name = folder.parent.name, folder.name
            source = f"{split}/{set_name}/{file}"
            entries.append(Entry(split, set_name, name, folder / file, source))
    return entries


def distinct(names: Iterable[str]) -> list[str]:
    """Number the later ones of names that some file system would take for the same."""
    taken: set[str] = set()
    result = []
    for name in names:
        number, candidate = 1, name
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}~{number}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def _digests(entries: Sequence[Entry]) -> list[str]:
    found = file_sha256s([entry.raw for entry in entries])
    return [digest for digest in found if digest is not None]


def _ready(
    entries: Sequence[Entry], digests: Sequence[str], facts: Mapping[str, Facts], hr: Path
) -> set[str]:
    """Paths in the store that already hold exactly the right bytes."""
    known = [(e, facts[d].file_sha256) for e, d in zip(entries, digests, strict=True) if d in facts]
    found = file_sha256s([hr / entry.stored for entry, _ in known])
    return {e.stored for (e, wanted), there in zip(known, found, strict=True) if there == wanted}


def _decode_missing(
    entries: Sequence[Entry],
    digests: Sequence[str],
    ready: set[str],
    facts: Mapping[str, Facts],
    work: Path,
) -> dict[str, Facts]:
    """Decode what is neither in the store nor left in the work folder by a run that failed."""
    wanted = {
        digest: entry
        for entry, digest in zip(entries, digests, strict=True)
        if entry.stored not in ready
    }
    left = file_sha256s([_png(work, digest) for digest in wanted])
    missing = {
        digest: entry
        for (digest, entry), there in zip(wanted.items(), left, strict=True)
        if digest not in facts or there != facts[digest].file_sha256
    }
    tasks = [_Task(entry.raw, _png(work, digest)) for digest, entry in missing.items()]
    results = parallel_map(_store_one, tasks, description="store_hr")
    decoded = {d: r for d, r in zip(missing, results, strict=True) if isinstance(r, Facts)}
    _remember(work, {**facts, **decoded})
    if errors := [result for result in results if isinstance(result, str)]:
        raise UserError("\n".join(errors))
    return decoded


def _store_one(task: _Task) -> Facts | str:
    """Decode one file, write it losslessly, and read it back; or say what is wrong with it."""
    try:
        picture, lossy = decode(task.raw)
    except UserError as error:
        return str(error)
    write_png(task.png, picture)
    digest = pixels_sha256(picture)
    stored = read_png(task.png)
    if stored.shape != picture.shape or pixels_sha256(stored) != digest:
        task.png.unlink()
        return f"{task.png}: what was written is not what is read back; check the disk"
    height, width = picture.shape[:2]
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    bits = np.packbits(fingerprint(picture) > 0).tobytes().hex()
    return Facts(width, height, channels, lossy, digest, file_sha256(task.png), bits)


def _report_pairs(entries: Sequence[Entry], facts: Sequence[Facts], *, allow: bool) -> None:
    pairs = find_pairs([_candidate(e, f) for e, f in zip(entries, facts, strict=True)])
    if pairs and not allow:
        advice = "remove one of each pair, or set data.allow_leakage: true to keep both"
        raise UserError("\n".join([*map(str, pairs), advice]))
    for pair in pairs:
        print(f"note: {pair} (data.allow_leakage is true)")


def _candidate(entry: Entry, facts: Facts) -> Candidate:
    packed = np.frombuffer(bytes.fromhex(facts.fingerprint), dtype=np.uint8)
    bits = np.unpackbits(packed)[: fingerprint_module.NUM_BITS].astype(np.int8) * 2 - 1
    size = (facts.width, facts.height)
    return Candidate(entry.split, entry.set, entry.name, facts.pixels_sha256, size, bits)


def _publish(
    entries: Sequence[Entry],
    digests: Sequence[str],
    facts: Mapping[str, Facts],
    ready: set[str],
    hr: Path,
    work: Path,
) -> None:
    import pandas as pd

    # The manifest goes first and comes back last: a store with a manifest is complete.
    (hr / FILE_NAME).unlink(missing_ok=True)
    remove_others(hr, ready)
    for entry, digest in zip(entries, digests, strict=True):
        if entry.stored not in ready:
            copy(_png(work, digest), hr / entry.stored)
    rows = [
        {
            "split": entry.split,
            "set": entry.set,
            "name": entry.name,
            **{k: v for k, v in facts[digest]._asdict().items() if k != "fingerprint"},
            "source": entry.source,
            "source_sha256": digest,
        }
        for entry, digest in zip(entries, digests, strict=True)
    ]
    write_manifest(hr, pd.DataFrame(rows))
    _remember(work, {digest: facts[digest] for digest in digests})
    for png in work.glob("*.png"):
        png.unlink()


def _png(work: Path, digest: str) -> Path:
    return work / f"{digest}.png"


def _recipe() -> str:
    """A digest of the code and libraries that decide what a file decodes to."""
    digest = hashlib.sha256()
    for function in (decode, fingerprint, write_png):
        digest.update(Path(function.__code__.co_filename).read_bytes())
    versions = [features.version(name) for name in ("jpg", "zlib", "webp", "libtiff", "jpg_2000")]
    digest.update(repr([PIL.__version__, *versions]).encode())
    return digest.hexdigest()


def _recall(work: Path) -> dict[str, Facts]:
    """What earlier runs with the same recipe found, by sha256 of the raw file."""
    try:
        memory = json.loads((work / "facts.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if memory["recipe"] != _recipe():
        return {}
    return {digest: Facts(*values) for digest, values in memory["facts"].items()}


def _remember(work: Path, facts: Mapping[str, Facts]) -> None:
    work.mkdir(parents=True, exist_ok=True)
    temporary = work / ".facts.json.part"
    temporary.write_text(json.dumps({"recipe": _recipe(), "facts": facts}), encoding="utf-8")
    os.replace(temporary, work / "facts.json")
