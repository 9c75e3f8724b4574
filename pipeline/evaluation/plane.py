"""The perception-distortion plane: how far from HR, and how natural, by PIRM's protocol.

Blau and Michaeli, "The Perception-Distortion Tradeoff", CVPR 2018; Blau et al., "The 2018 PIRM
Challenge on Perceptual Image Super-Resolution", ECCVW 2018: rounded luma of the 8-bit result, four
pixels cut off each side, RMSE as the root of the mean MSE over all pictures (challenge's code).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.evaluation.protocol import Protocol
from pipeline.evaluation.runner import EvaluationImage
from pipeline.evaluation.scores import Scores, resolve_metric, score_picture
from pipeline.images.decode import decode
from pipeline.images.picture import crop_to_multiple, read_png
from pipeline.parallel import parallel_map

Perception = Literal["niqe", "pi", "lpips"]

PIRM_PROTOCOL = Protocol(name="rgb", luma="rounded", crop_border=4)
REGIONS = (11.5, 12.5, 16.0)  # largest RMSE of PIRM's regions 1, 2, 3
DIGITS = 6


def plane_points(
    images: Sequence[EvaluationImage],
    methods: Sequence[str],
    *,
    results: Path,
    scale: int,
    perception: Perception,
) -> dict[str, Any]:
    """Place each method in the plane.

    Args:
        images: What was evaluated.
        methods: Names of folders in `results`.
        results: Folder of 8-bit results, `<method>/<set>/<name>.png`.
        scale: Enlargement; HR is cropped to a multiple of it.
        perception: The vertical axis; the lower, the more natural.

    Returns:
        `protocol`, `perception`, and by method its `rmse` (0 to 255) and perceptual score; or
        `unavailable` with the reason, such as a picture too small for NIQE's patches.
    """
    jobs = [(image, method) for method in methods for image in images]

    def score(job: tuple[EvaluationImage, str]) -> Scores:
        image, method = job
        sr = read_png(results / method / image.set / f"{image.name}.png")
        hr = crop_to_multiple(decode(image.hr).picture, scale)
        metrics = [resolve_metric("mse_y"), resolve_metric(perception)]
        return score_picture(sr, hr, metrics, PIRM_PROTOCOL, scale)

    described = {"protocol": PIRM_PROTOCOL.describe(scale), "perception": perception}
    try:
        scores = parallel_map(score, jobs, description="perception", shared=True)
    except ValueError as error:
        return described | {"unavailable": str(error)}
    points = {}
    for place, method in enumerate(methods):
        own = scores[place * len(images) : (place + 1) * len(images)]
        points[method] = {
            "rmse": round(float(np.sqrt(np.mean([s["mse_y"] for s in own]))), DIGITS),
            perception: round(float(np.mean([s[perception] for s in own])), DIGITS),
        }
    return described | {"points": points}


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points that no other point beats on one axis without losing on the other.

    Args:
        points: Distortion and perception of each, the lower the better.

    Returns:
        In the order of growing distortion.
    """
    order = sorted(range(len(points)), key=lambda i: points[i])
    front: list[int] = []
    for i in order:
        if not front or points[i][1] < points[front[-1]][1]:
            front.append(i)
    return front
