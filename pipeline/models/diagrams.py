"""One picture for each group of networks, drawn as SVG: where it enlarges.

Boxes are as tall as what passes through them is large, so a picture shows at a glance how much of
a network works on small maps.
"""

from collections.abc import Mapping
from html import escape
from typing import Literal, NamedTuple

Kind = Literal["picture", "layers", "enlarge", "shrink", "fixed"]

FILL: Mapping[Kind, str] = {
    "picture": "#d7dde5",
    "layers": "#8fb8de",
    "enlarge": "#f0b95b",
    "shrink": "#b9d8a4",
    "fixed": "#ffffff",
}
INK = "#1f2933"
HEIGHTS = {1: 44, 2: 88, 4: 176}  # by size relative to the LR picture
WIDTH, GAP, MARGIN, MIDDLE, BOTTOM = 96, 30, 20, 140, 330


class Box(NamedTuple):
    """One step, with the size of what leaves it."""

    label: str
    kind: Kind
    size: int


class Skip(NamedTuple):
    """An arrow past the boxes between two, counted from zero, above or below them."""

    start: int
    end: int
    label: str
    below: bool = False


class Diagram(NamedTuple):
    """Boxes from left to right, what goes past them, and boxes that hand nothing to the next."""

    title: str
    boxes: tuple[Box, ...]
    skips: tuple[Skip, ...] = ()
    ends: tuple[int, ...] = ()


DIAGRAMS: Mapping[str, Diagram] = {
    "pre_upsampling": Diagram(
        "Pre-upsampling: interpolate first, refine at full size",
        (
            Box("LR", "picture", 1),
            Box("bicubic", "fixed", 4),
            Box("layers", "layers", 4),
            Box("layers", "layers", 4),
            Box("SR", "picture", 4),
        ),
        (Skip(1, 4, "added: the layers predict what is missing"),),
    ),
    "post_upsampling": Diagram(
        "Post-upsampling: work on the small picture, enlarge at the end",
        (
            Box("LR", "picture", 1),
            Box("layers", "layers", 1),
            Box("layers", "layers", 1),
            Box("layers", "layers", 1),
            Box("enlarge", "enlarge", 4),
            Box("SR", "picture", 4),
        ),
        (Skip(1, 4, "added: features"),),
    ),
    "progressive": Diagram(
        "Progressive: double, again and again, with a picture at every level",
        (
            Box("LR", "picture", 1),
            Box("layers", "layers", 1),
            Box("enlarge x2", "enlarge", 2),
            Box("SR x2", "picture", 2),
            Box("layers", "layers", 2),
            Box("enlarge x2", "enlarge", 4),
            Box("SR x4", "picture", 4),
        ),
        (
            Skip(0, 3, "enlarged and added"),
            Skip(3, 6, "enlarged and added"),
            Skip(2, 4, "features", True),
        ),
        ends=(3,),
    ),
    "iterative": Diagram(
        "Iterative up and down: enlarge, shrink back, correct the error",
        (
            Box("LR", "picture", 1),
            Box("layers", "layers", 1),
            Box("up", "enlarge", 4),
            Box("down", "shrink", 1),
            Box("up", "enlarge", 4),
            Box("down", "shrink", 1),
            Box("up", "enlarge", 4),
            Box("SR", "picture", 4),
        ),
        (
            Skip(1, 3, "error", True),
            Skip(3, 5, "error", True),
            Skip(2, 7, "all HR features"),
        ),
    ),
    "laboratory": Diagram(
        "The design laboratory: every choice is a setting",
        (
            Box("LR", "picture", 1),
            Box("placement", "fixed", 2),
            Box("blocks", "layers", 2),
            Box("upsampler", "enlarge", 4),
            Box("SR", "picture", 4),
        ),
        (Skip(2, 3, "local skips", True), Skip(0, 4, "global skip")),
    ),
}


def svg(diagram: Diagram) -> str:
    """Draw a diagram; equal diagrams give equal text."""
    width = 2 * MARGIN + len(diagram.boxes) * (WIDTH + GAP) - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {BOTTOM}" role="img" '
        f'font-family="sans-serif" font-size="14" fill="{INK}">',
        f"<title>{escape(diagram.title)}</title>",
        f'<rect width="{width}" height="{BOTTOM}" fill="#ffffff"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>',
        *(_box(number, box) for number, box in enumerate(diagram.boxes)),
        *(_arrow(n) for n in range(len(diagram.boxes) - 1) if n not in diagram.ends),
        *(_skip(skip, diagram.boxes) for skip in diagram.skips),
        f'<text x="{MARGIN}" y="{BOTTOM - 12}" font-weight="bold">{escape(diagram.title)}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _left(number: int) -> int:
    return MARGIN + number * (WIDTH + GAP)


def _top(box: Box) -> int:
    return MIDDLE + 15 - HEIGHTS[box.size] // 2


def _box(number: int, box: Box) -> str:
    left, top, height = _left(number), _top(box), HEIGHTS[box.size]
    dashes = ' stroke-dasharray="5 3"' if box.kind == "fixed" else ""
    return (
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{height}" rx="6" '
        f'fill="{FILL[box.kind]}" stroke="{INK}"{dashes}/>'
        f'<text x="{left + WIDTH // 2}" y="{MIDDLE + 20}" text-anchor="middle">'
        f"{escape(box.label)}</text>"
    )


def _arrow(number: int) -> str:
    start, y = _left(number) + WIDTH, MIDDLE + 15
    return _path(f"M{start + 2} {y}H{start + GAP - 3}")


def _skip(skip: Skip, boxes: tuple[Box, ...]) -> str:
    start, end = _left(skip.start) + WIDTH // 2, _left(skip.end) + WIDTH // 2
    between = boxes[skip.start : skip.end + 1]
    if skip.below:
        first, last = (_top(boxes[i]) + HEIGHTS[boxes[i].size] for i in (skip.start, skip.end))
        level = max(_top(box) + HEIGHTS[box.size] for box in between) + 22
        label = level + 16
    else:
        first, last = _top(boxes[skip.start]), _top(boxes[skip.end])
        level = min(_top(box) for box in between) - 22
        label = level - 6
    text = (
        f'<text x="{(start + end) // 2}" y="{label}" text-anchor="middle" font-size="12">'
        f"{escape(skip.label)}</text>"
    )
    return _path(f"M{start} {first}V{level}H{end}V{last}") + text


def _path(route: str) -> str:
    return f'<path d="{route}" fill="none" stroke="{INK}" marker-end="url(#tip)"/>'
