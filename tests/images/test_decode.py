"""What each kind of picture file decodes to."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.decode import decode

RGB = np.random.default_rng(1).integers(0, 256, (12, 9, 3), dtype=np.uint8)
GREY = np.ascontiguousarray(RGB[:, :, 0])
MASK = np.arange(12 * 9, dtype=np.uint8).reshape(12, 9) * 2


def saved(path: Path, pixels: Any, mode: str | None = None, **options: Any) -> Path:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "ppm"])
def test_lossless_rgb_comes_as_it_is(tmp_path: Path, suffix: str):
    options = {"lossless": True} if suffix == "webp" else {}
    picture, lossy = decode(saved(tmp_path / f"a.{suffix}", RGB, **options))
    assert np.array_equal(picture, RGB)
    assert not lossy


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "pgm"])
def test_greyscale_stays_single_channel(tmp_path: Path, suffix: str):
    picture, lossy = decode(saved(tmp_path / f"a.{suffix}", GREY))
    assert np.array_equal(picture, GREY)
    assert not lossy


@pytest.mark.parametrize("pixels", [RGB, GREY])
def test_a_jpeg_gives_what_other_decoders_see_and_is_lossy(tmp_path: Path, pixels: Any):
    path = saved(
        tmp_path / "a.jpg",
        np.kron(pixels, np.ones((8, 8) + (1,) * (pixels.ndim - 2)).astype(np.uint8)),
        quality=90,
        subsampling=0,
    )
    picture, lossy = decode(path)
    other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    other = other[:, :, ::-1] if other.ndim == 3 else other
    assert picture.shape == other.shape
    assert np.abs(picture.astype(int) - other).max() <= 2
    assert lossy


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("webp", {"quality": 90}), ("jp2", {}), ("tif", {"compression": "jpeg"}), ("avif", {})],
)
def test_other_lossy_files_are_flagged(tmp_path: Path, suffix: str, options: dict[str, Any]):
    assert decode(saved(tmp_path / f"a.{suffix}", RGB, **options)).lossy


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_lossless_tiffs_are_not_flagged(tmp_path: Path, compression: str | None):
    assert not decode(saved(tmp_path / "a.tif", RGB, compression=compression)).lossy


def test_a_palette_gives_its_colours(tmp_path: Path):
    palette = Image.fromarray(GREY % 7).convert("P")
    palette.putdata((GREY % 7).ravel().tolist())
    colours = RGB.reshape(-1, 3)[:7]
    palette.putpalette(colours.tobytes())
    picture = decode(saved(tmp_path / "a.png", palette)).picture
    assert np.array_equal(picture, colours[GREY % 7])


def test_black_and_white_becomes_grey(tmp_path: Path):
    picture = decode(saved(tmp_path / "a.png", Image.fromarray(GREY > 99))).picture
    assert np.array_equal(picture, np.where(GREY > 99, 255, 0))


@pytest.mark.parametrize("pixels", [RGB, GREY])
def test_alpha_is_laid_over_white(tmp_path: Path, pixels: Any):
    image = Image.fromarray(pixels)
    image.putalpha(Image.fromarray(MASK))
    picture = decode(saved(tmp_path / "a.png", image)).picture
    alpha = (MASK / 255).reshape(12, 9, *(1,) * (pixels.ndim - 2))
    expected = alpha * pixels + (1 - alpha) * 255
    assert picture.shape == pixels.shape
    assert np.abs(picture - expected).max() <= 1


def test_opaque_alpha_and_unused_transparent_colours_change_nothing(tmp_path: Path):
    image = Image.fromarray(RGB)
    image.putalpha(255)
    assert np.array_equal(decode(saved(tmp_path / "a.png", image)).picture, RGB)
    odd = RGB | 1
    path = saved(tmp_path / "b.png", odd, transparency=(0, 0, 0))
    assert np.array_equal(decode(path).picture, odd)


def test_a_transparent_colour_becomes_white(tmp_path: Path):
    one = RGB.copy()
    one[3, 4] = (1, 2, 3)
    one[0, 0] = (9, 9, 9)
    picture = decode(saved(tmp_path / "a.png", one, transparency=(1, 2, 3))).picture
    assert picture[3, 4].tolist() == [255, 255, 255]
    assert picture[0, 0].tolist() == [9, 9, 9]


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_cmyk_becomes_rgb(tmp_path: Path, suffix: str):
    ink = Image.merge("CMYK", [Image.new("L", (16, 16), level) for level in (0, 255, 255, 0)])
    picture = decode(saved(tmp_path / f"a.{suffix}", ink)).picture
    assert picture.shape == (16, 16, 3)
    assert np.abs(picture.astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize(
    ("suffix", "shape"),
    [("png", (12, 9)), ("png", (12, 9, 3)), ("tif", (12, 9)), ("tif", (12, 9, 3))],
)
def test_16_bits_keep_the_more_significant_byte(
    tmp_path: Path, suffix: str, shape: tuple[int, ...]
):
    deep = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), deep)
    expected = deep if deep.ndim == 2 else deep[:, :, ::-1]  # OpenCV writes BGR
    assert np.array_equal(decode(path).picture, expected >> 8)


TURNS = {
    1: RGB,
    2: RGB[:, ::-1],
    3: RGB[::-1, ::-1],
    4: RGB[::-1],
    5: RGB.transpose(1, 0, 2),
    6: np.rot90(RGB, -1),
    7: RGB[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(RGB),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(saved(tmp_path / "a.png", RGB, exif=exif)).picture
    assert np.array_equal(picture, TURNS[orientation])


def test_a_colour_profile_changes_nothing(tmp_path: Path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    path = saved(tmp_path / "a.png", RGB, icc_profile=profile)
    assert np.array_equal(decode(path).picture, RGB)


def test_floats_and_wide_integers_are_refused(tmp_path: Path):
    for pixels in (GREY.astype(np.float32), GREY.astype(np.int32)):
        path = saved(tmp_path / "a.tif", pixels)
        with pytest.raises(UserError, match=r"a\.tif: pixels of mode [FI]"):
            decode(path)


def test_several_frames_are_refused(tmp_path: Path):
    path = saved(tmp_path / "a.gif", RGB, save_all=True, append_images=[Image.fromarray(255 - RGB)])
    with pytest.raises(UserError, match="holds 2 pictures"):
        decode(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UserError, match=rf"a\.{suffix}: this picture is damaged or truncated"):
        decode(path)


def test_a_png_without_its_end_is_truncated(tmp_path: Path):
    path = saved(tmp_path / "a.png", RGB)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UserError, match="damaged or truncated"):
        decode(path)


def test_a_flipped_bit_in_a_png_is_found(tmp_path: Path):
    path = saved(tmp_path / "a.png", RGB)
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="damaged or truncated"):
        decode(path)


@pytest.mark.parametrize("content", [b"", b"text", b"<html></html>", bytes(1000)])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "notes.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"notes\.png: this is not a picture"):
        decode(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"a\.png: there is no such file"):
        decode(tmp_path / "a.png")
