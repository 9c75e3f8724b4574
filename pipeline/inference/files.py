"""Enlarging picture files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import UserError
from pipeline.images.decode import decode
from pipeline.images.picture import PICTURE_SUFFIXES, write_png
from pipeline.inference.upscale import upscale
from pipeline.models import SRNetwork


def upscale_files(
    network: SRNetwork,
    pictures: Sequence[Path],
    output: Path,
    *,
    tile: int | None = None,
    self_ensemble: bool = False,
) -> Iterator[Path]:
    """Enlarge files, and every picture of the folders among them.

    Args:
        network: Trained network, in evaluation mode.
        pictures: Files and folders.
        output: Folder for `<name>.png`.
        tile: Work in tiles of this many LR pixels a side.
        self_ensemble: Average over the eight flips and rotations.

    Yields:
        Each file written.

    Raises:
        UserError: If a file cannot be read, or two have the same name.
    """
    files = [file for path in pictures for file in _files(path)]
    targets = [output / f"{file.stem}.png" for file in files]
    for first, second in zip(sorted(targets), sorted(targets)[1:], strict=False):
        if first == second:
            raise UserError(
                f"two pictures are named {first.stem}: enlarge them one after the other"
            )
    for file, target in zip(files, targets, strict=True):
        lr = decode(file).picture
        write_png(target, upscale(network, lr, tile=tile, self_ensemble=self_ensemble))
        yield target


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise UserError(f"{path}: it holds no pictures ({', '.join(PICTURE_SUFFIXES)})")
    return found
