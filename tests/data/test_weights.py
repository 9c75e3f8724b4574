"""Pretrained weights come through the same verified download as data."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.data import fetch as fetching
from pipeline.data.sources import Places
from pipeline.data.weights import collect_weights
from pipeline.errors import UserError
from tests.data.servers import serving

BODY = b"weights" * 1000


@dataclass(frozen=True)
class File:
    url: str
    path: Path = Path("elsewhere/net.pth")
    sha256: str = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(cache=tmp_path / "cache", lock=tmp_path / "lock", root=tmp_path)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: None)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "net-1.pth").write_bytes(BODY)
    with serving(tmp_path / "web") as address:
        yield address


def test_weights_are_fetched_once_and_mended_beside_files_put_by_hand(
    places: Places, web: str, monkeypatch: pytest.MonkeyPatch
):
    folder = places.root / "weights"
    collect_weights([File(f"{web}/net-1.pth")], folder, places=places)
    assert (folder / "net.pth").read_bytes() == BODY
    (folder / "by_hand.mat").write_bytes(b"kept")
    (folder / "net.pth").write_bytes(b"damaged")
    monkeypatch.setattr(fetching.requests, "get", None)  # the download is still in the cache
    collect_weights([File(f"{web}/net-1.pth")], folder, places=places)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        "net.pth": BODY,
        "by_hand.mat": b"kept",
    }


@pytest.mark.parametrize("name", ["gone.pth", "net-1.pth"])
def test_weights_that_cannot_be_had_or_are_others_are_told(places: Places, web: str, name: str):
    (places.root / "web" / "net-1.pth").write_bytes(b"another version")
    with pytest.raises(UserError, match=f"{web}/{name}: "):
        collect_weights([File(f"{web}/{name}")], places.root / "weights", places=places)
    assert list((places.root / "weights").iterdir()) == []


def test_without_need_the_folder_is_there_and_empty(places: Places):
    collect_weights([], places.root / "weights", places=places)
    assert list((places.root / "weights").iterdir()) == []
