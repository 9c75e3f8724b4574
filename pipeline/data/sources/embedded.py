"""The photographs inside the scikit-image package: real files on disk, no network."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pipeline.data.hashing import file_sha256
from pipeline.data.mirror import mirror
from pipeline.data.sources.base import Places, SourceConfig
from pipeline.errors import UserError
from pipeline.images.manifest import Split

# File name to sha256, as in scikit-image's own registry (0.26). The stereo pair stays together.
# Left out: colour wheel, logo, chessboards, phantom, horse (drawings); clock_motion (motion blur);
# cell and microaneurysms (out of focus); retina (a soft JPEG of 2 megapixels with a black rim);
# the multi-page test files.
PICTURES: Mapping[Split, Mapping[str, str]] = {
    "train": {
        "brick.png": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
        "grass.png": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
        "gravel.png": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
        "hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        "ihc.png": "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
        "moon.png": "78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577",
        "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
        "motorcycle_right.png": "5fc913ae870e42a4b662314bc904d1786bcad8e2f0b9b67dba5a229406357797",
        "page.png": "341a6f0a61557662b02734a9b6e56ec33a915b2c41886b97509dedf2a43b47a3",
        "text.png": "bd84aa3a6e3c9887850d45d606c96b2e59433fbef50338570b63c319e668e6d1",
    },
    "valid": {
        "coins.png": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
        "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    },
    "test": {
        "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    },
}


class EmbeddedConfig(SourceConfig):
    """Photographs of the scikit-image package, a fixed choice for each split."""

    name: Literal["embedded"] = "embedded"

    @property
    def default_set(self) -> str:
        """`embedded`."""
        return "embedded"

    def collect(self, folder: Path, *, split: Split, places: Places) -> None:
        """Copy the split's photographs out of the package, each checked by its sha256."""
        shipped = package_data()
        for name, expected in PICTURES[split].items():
            _check(shipped / name, expected)
        mirror({name: shipped / name for name in PICTURES[split]}, folder)


def package_data() -> Path:
    """The folder of the photographs inside the installed package."""
    # Looked up, not imported: the import costs half a second and gives nothing more.
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UserError("the scikit-image package is missing; install the project's requirements")
    return Path(spec.origin).parent / "data"


def _check(path: Path, expected: str) -> None:
    if not path.is_file():
        raise UserError(f"{path}: this scikit-image does not ship the file; install version 0.26")
    if (found := file_sha256(path)) != expected:
        raise UserError(f"{path}: sha256 is {found}, not {expected}; install scikit-image again")
