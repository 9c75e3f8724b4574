"""Where a study's pictures come from: folders of results, trained networks, bicubic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluation.methods import BicubicMethod, Method, NetworkMethod
from pipeline.images.decode import decode
from pipeline.images.picture import PICTURE_SUFFIXES, Picture, crop_to_multiple
from pipeline.images.resize import imresize
from pipeline.models import SRNetwork
from pipeline.models.files import load_model
from pipeline.parallel import one_thread
from pipeline.study.definition import REFERENCE

BICUBIC = "bicubic"

_MAX_CROPPED = 8  # an SR picture lacks fewer than `scale` rows and columns of its HR


@dataclass(frozen=True)
class PictureFolder:
    """Pictures in a folder and its subfolders, by path below it without suffix."""

    folder: Path
    files: Mapping[str, Path]

    def path(self, key: str) -> Path:
        """File of a picture.

        Raises:
            UserError: If there is none of this name.
        """
        if key not in self.files:
            raise UserError(f"{self.folder}: it has no picture named {key}, which the HR has")
        return self.files[key]

    def read(self, key: str) -> Picture:
        """Read a picture.

        Raises:
            UserError: If there is none of this name, or it cannot be read.
        """
        return decode(self.path(key)).picture


@dataclass(frozen=True)
class Material:
    """What a study is made from.

    Attributes:
        hr: HR pictures.
        methods: By name, a folder of results or what enlarges LR.
        scale: Enlargement, if anything enlarges.
        lr: Stored LR of the same names; without it LR is made by MATLAB's bicubic.
    """

    hr: PictureFolder
    methods: Mapping[str, PictureFolder | Method]
    scale: int | None
    lr: PictureFolder | None = None

    def check_names(self, keys: Iterable[str]) -> None:
        """Find out before the work whether every folder has every picture.

        Raises:
            UserError: If one has not, naming the first.
        """
        folders = [*self.methods.values(), self.lr]
        for key in sorted(keys):
            for folder in folders:
                if isinstance(folder, PictureFolder):
                    folder.path(key)

    @one_thread()  # as `evaluate`, so that networks give the same pixels
    def pictures(self, key: str) -> dict[str, Picture]:
        """HR, under the name `reference`, and every method's picture; all of one size.

        Raises:
            UserError: If a picture is missing or they do not fit together, naming it.
        """
        hr = self.hr.read(key)
        lr = None if self.scale is None else self._low(key, hr, self.scale)
        made: dict[str, Picture] = {}
        for name, method in self.methods.items():
            if isinstance(method, PictureFolder):
                made[name] = method.read(key)
            elif lr is not None:
                made[name] = method.enlarge(lr)
        size = next(iter(made.values())).shape[:2]
        for name, picture in made.items():
            _check_fit(f"{key}: {name}", picture, size, hr)
        return {REFERENCE: hr[: size[0], : size[1]], **made}

    def _low(self, key: str, hr: Picture, scale: int) -> Picture:
        if self.lr is not None:
            return self.lr.read(key)
        return imresize(crop_to_multiple(hr, scale), 1 / scale)


def open_material(
    hr: Path, methods: Mapping[str, str | Path], *, lr: Path | None, scale: int | None
) -> Material:
    """Open what a study is made from.

    Args:
        hr: Folder of HR pictures, with its subfolders.
        methods: By name: `bicubic`, a folder of results, or a `.safetensors` file.
        lr: Folder of stored LR of the same names.
        scale: Enlargement; networks know their own.

    Raises:
        UserError: If something does not exist, or networks enlarge by different factors.
    """
    opened = {name: _open(source) for name, source in methods.items() if source != BICUBIC}
    scales = {name: m.scale for name, m in opened.items() if isinstance(m, SRNetwork)}
    if scale is not None:
        scales["--scale"] = scale
    if len(set(scales.values())) > 1:
        listed = ", ".join(f"{name} {factor}" for name, factor in scales.items())
        raise UserError(f"these enlarge by different factors: {listed}")
    enlarges = any(isinstance(m, SRNetwork) for m in opened.values()) or len(opened) < len(methods)
    if enlarges and not scales:
        raise UserError("bicubic enlarges by any factor: give --scale")
    factor = next(iter(scales.values())) if enlarges else None
    ready: dict[str, PictureFolder | Method] = {}
    for name in methods:  # in the order given
        if name not in opened:
            ready[name] = BicubicMethod(factor or 1)
        else:
            source = opened[name]
            ready[name] = NetworkMethod(source) if isinstance(source, SRNetwork) else source
    return Material(
        hr=open_folder(hr),
        methods=ready,
        scale=factor,
        lr=open_folder(lr) if lr is not None else None,
    )


def _open(source: str | Path) -> PictureFolder | SRNetwork:
    path = Path(source)
    return open_folder(path) if path.is_dir() else load_model(path)


def open_folder(folder: Path) -> PictureFolder:
    """List the pictures of a folder and its subfolders.

    Raises:
        UserError: If there are none, or two have the same name.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURE_SUFFIXES or path.name.startswith("."):
            continue
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            raise UserError(f"{path} and {found[key].name} have the same name: rename one")
        found[key] = path
    if not found:
        raise UserError(f"{folder}: it holds no pictures ({', '.join(PICTURE_SUFFIXES)})")
    return PictureFolder(folder, found)


def _check_fit(what: str, picture: Picture, size: tuple[int, ...], hr: Picture) -> None:
    height, width = picture.shape[:2]
    if (height, width) != size:
        raise UserError(f"{what} has {width}x{height} pixels, others {size[1]}x{size[0]}")
    lacking = (hr.shape[0] - height, hr.shape[1] - width)
    if not all(0 <= pixels < _MAX_CROPPED for pixels in lacking):
        raise UserError(
            f"{what} has {width}x{height} pixels, which is not HR's {hr.shape[1]}x{hr.shape[0]}"
        )
    if picture.ndim != hr.ndim:
        grey = "it" if picture.ndim == 2 else "HR"
        raise UserError(f"{what}: only {grey} is greyscale; nobody can compare it fairly")
