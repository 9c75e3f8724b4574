"""Does super-resolution help a task? Text recognition, and agreement of a classifier.

Both need the extra `tasks`, whose packages bring their networks with them.

Text is recognised on pages of its own, whose text is known: pages set in several faces and sizes,
and scikit-image's photograph of a printed page. Each is shrunk by MATLAB's bicubic and enlarged by
each method. A classifier sees the test pictures' centres at their own resolution, and is asked
whether it says the same of SR as of HR.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import UserError
from pipeline.evaluation.methods import Method
from pipeline.evaluation.runner import EvaluationImage
from pipeline.images.decode import decode
from pipeline.images.picture import Picture, as_rgb, crop_to_multiple, read_png, to_tensor
from pipeline.images.resize import imresize

Task = Literal["text", "classification"]
Reader = Callable[[Picture], str]

HR = "hr"
_FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono")
_SIZES = (20, 15, 11)  # pixels, one paragraph each
_WIDTH, _MARGIN = 480, 12
_PARAGRAPHS = (
    "The quick brown fox jumps over the lazy dog, twice.",
    "A picture of 1024 by 768 pixels was shrunk to a quarter and enlarged again.",
    "Whether the small print can still be read says more about an enlargement than how sharp "
    "it looks: order 58-3907, due 14 March.",
)
# What is printed on scikit-image's `page`, but for the cut off last line.
_PRINTED = (
    "Region-based segmentation Let us first determine markers of the coins and the background. "
    "These markers are pixels that we can label unambiguously as either object or background. "
    "Here, the markers are found at the two extreme parts of the histogram of grey values: "
    ">>> markers = np.zeros_like(coins)"
)
_CENTRE = 224  # pixels a side that the classifier was trained on


@dataclass(frozen=True)
class Page:
    """A picture of text.

    Attributes:
        name: The face, or `page`.
        picture: uint8 (H, W, 3).
        text: What is written on it.
    """

    name: str
    picture: Picture
    text: str


def evaluate_tasks(
    tasks: Sequence[Task],
    methods: Mapping[str, Method],
    images: Sequence[EvaluationImage],
    *,
    results: Path,
    scale: int,
) -> dict[str, Any]:
    """Score methods by tasks.

    Args:
        tasks: Which.
        methods: What enlarges, by name.
        images: Test pictures, for classification.
        results: Folder of their 8-bit results, `<method>/<set>/<name>.png`.
        scale: Enlargement.

    Returns:
        Scores by task and method, as plain data.

    Raises:
        UserError: If the extra `tasks` is not installed.
    """
    scores: dict[str, Any] = {}
    if "text" in tasks:
        scores["text"] = text_scores(methods, text_pages(), text_reader(), scale=scale)
    if "classification" in tasks:
        scores["classification"] = {
            name: agreement(images, results / name, scale=scale) for name in methods
        }
    return scores


def text_scores(
    methods: Mapping[str, Method], pages: Sequence[Page], reader: Reader, *, scale: int
) -> dict[str, Any]:
    """Character error rate of each method and of the HR pages, over all and by page.

    A page on which nothing is recognised has an error rate of 1.
    """
    versions: dict[str, list[Picture]] = {name: [] for name in (*methods, HR)}
    for page in pages:
        hr = crop_to_multiple(page.picture, scale)
        versions[HR].append(hr)
        lr = imresize(hr, 1 / scale)
        for name, method in methods.items():
            versions[name].append(as_rgb(method.enlarge(lr)))
    return {name: _error_rates(pages, pictures, reader) for name, pictures in versions.items()}


def _error_rates(
    pages: Sequence[Page], pictures: Sequence[Picture], reader: Reader
) -> dict[str, Any]:
    errors, lengths = [], []
    for page, picture in zip(pages, pictures, strict=True):
        expected = _characters(page.text)
        errors.append(edit_distance(_characters(reader(picture)), expected))
        lengths.append(len(expected))
    rates = [error / length for error, length in zip(errors, lengths, strict=True)]
    return {
        "character_error_rate": round(sum(errors) / sum(lengths), 6),
        "pages": {page.name: round(rate, 6) for page, rate in zip(pages, rates, strict=True)},
    }


def _characters(text: str) -> str:
    """Text without spaces, which depend on how lines are put together."""
    return "".join(text.split())


def edit_distance(first: str, second: str) -> int:
    """Fewest insertions, deletions and replacements of characters (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        previous, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def text_pages() -> list[Page]:
    """The pages whose text is known: one for each face, in several sizes, and a photograph."""
    from skimage import data

    load_page: Callable[[], Picture] = data.page
    printed = Page("page", as_rgb(load_page()), _PRINTED)
    return [*(_set_page(face) for face in _FACES), printed]


def _set_page(face: str) -> Page:
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (_WIDTH, _WIDTH), 245)
    draw = ImageDraw.Draw(page)
    top = float(_MARGIN)
    for size, paragraph in zip(_SIZES, _PARAGRAPHS, strict=True):
        file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
        font = ImageFont.truetype(str(file), size)
        columns = int((_WIDTH - 2 * _MARGIN) / font.getlength("0"))
        for line in textwrap.wrap(paragraph, columns):
            draw.text((_MARGIN, top), line, fill=25, font=font)
            top += 1.5 * size
        top += size
    picture = np.asarray(page)[: int(top) + _MARGIN]
    return Page(face, as_rgb(picture), " ".join(_PARAGRAPHS))


def text_reader() -> Reader:
    """RapidOCR with the networks of its package, from a picture to its lines, top to bottom.

    Raises:
        UserError: If its packages are not installed.
    """
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise UserError(_missing("text")) from None
    engine: Any = RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False})

    def read(picture: Picture) -> str:
        lines = engine(np.ascontiguousarray(picture[:, :, ::-1])).txts  # it takes BGR
        return " ".join(lines or ())

    return read


def _missing(task: str) -> str:
    return (
        f"evaluate.tasks: {task} needs packages that are missing; install the extra `tasks`, for "
        "example by `pip install -e '.[tasks]'`"
    )


def agreement(images: Sequence[EvaluationImage], folder: Path, *, scale: int) -> dict[str, float]:
    """How far a classifier says the same of SR as of HR.

    Args:
        images: Test pictures.
        folder: Their 8-bit results, `<set>/<name>.png`.
        scale: Enlargement; HR is cropped to a multiple of it.

    Returns:
        `top1_agreement`: share of pictures with the same first class; `top5_agreement`: whose
        HR's first class is among SR's first five; `feature_distance`: mean of one minus the
        cosine between their last features.
    """
    from pipeline.models.extractors.efficientnet import EfficientNetLite0Config

    network = EfficientNetLite0Config().build()
    first, among_five, distances = [], [], []
    for image in images:
        sr = read_png(folder / image.set / f"{image.name}.png")
        hr = crop_to_multiple(decode(image.hr).picture, scale)
        with torch.inference_mode():
            # One forward pass for both: features before the classifying layer.
            features = network(torch.cat([_centre(sr), _centre(hr)]), ["head"])["head"]
            pooled = features.mean(dim=(2, 3))
            logits = network.classify_features(pooled)
        of_sr, of_hr = logits
        first.append(bool(of_sr.argmax() == of_hr.argmax()))
        among_five.append(bool((of_sr.topk(5).indices == of_hr.argmax()).any()))
        distances.append(1 - float(functional.cosine_similarity(pooled[0], pooled[1], dim=0)))
    return {
        "top1_agreement": round(float(np.mean(first)), 6),
        "top5_agreement": round(float(np.mean(among_five)), 6),
        "feature_distance": round(float(np.mean(distances)), 6),
    }


def _centre(picture: Picture) -> Tensor:
    top, left = (max(0, (side - _CENTRE) // 2) for side in picture.shape[:2])
    return to_tensor(as_rgb(picture[top : top + _CENTRE, left : left + _CENTRE]))
