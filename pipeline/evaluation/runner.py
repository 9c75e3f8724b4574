"""Evaluating methods over pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.methods import Method
from pipeline.evaluation.protocol import (
    Protocol,
    hr_luma_plane,
    lr_luma_plane,
    luma_first_pair,
)
from pipeline.evaluation.scores import (
    NamedMetric,
    Scores,
    resolve_metric,
    score_pairs,
    score_picture,
)
from pipeline.images.decode import decode
from pipeline.images.picture import Picture, crop_to_multiple, write_png
from pipeline.images.resize import imresize
from pipeline.parallel import one_thread, parallel_map


@dataclass(frozen=True)
class EvaluationImage:
    """A picture to evaluate on.

    Attributes:
        set: Name of its test set.
        name: Name without suffix.
        hr: File of the HR picture, not yet cropped.
        lr: File of the stored LR; without it LR is made by MATLAB's bicubic.
    """

    set: str
    name: str
    hr: Path
    lr: Path | None = None


@dataclass(frozen=True)
class Evaluation:
    """What is computed for every picture.

    Attributes:
        methods: What is compared, by name.
        protocol: How scores are taken.
        scale: Enlargement.
        metrics: Names such as `psnr_y`.
    """

    methods: Mapping[str, Method]
    protocol: Protocol
    scale: int
    metrics: Sequence[str]
    output: Path | None = None

    def run(self, images: Sequence[EvaluationImage], *, jobs: int | None = None) -> pd.DataFrame:
        """Score every picture.

        Returns:
            One row for each picture and method: `set`, `image`, `method`, then the metrics.

        Raises:
            UserError: If a picture cannot be read or is too small, naming it.
        """
        # Shared, for the weights; forked, since many short operations leave threads no time.
        rows = parallel_map(self._rows, images, description="evaluate", jobs=jobs, shared=True)
        return pd.DataFrame([row for group in rows for row in group])

    @one_thread()  # the order of sums must not depend on the number of cores
    def _rows(self, image: EvaluationImage) -> list[dict[str, object]]:
        metrics = [resolve_metric(name) for name in self.metrics]
        hr = crop_to_multiple(decode(image.hr).picture, self.scale)
        luma_first = self.protocol.name == "luma-first"
        score = self._score_plane if luma_first else self._score_picture
        rows: list[dict[str, object]] = []
        for name, method in self.methods.items():
            try:
                scores = score(image, hr, name, method, metrics)
            except ValueError as error:
                raise UserError(f"{image.hr}: {error}") from error
            rows.append({"set": image.set, "image": image.name, "method": name, **scores})
        return rows

    def _score_picture(
        self,
        image: EvaluationImage,
        hr: Picture,
        name: str,
        method: Method,
        metrics: Sequence[NamedMetric],
    ) -> Scores:
        sr = method.enlarge(self._lr(image, hr))
        if sr.shape[:2] != hr.shape[:2]:
            raise UserError(f"{image.lr}: its size times {self.scale} is not that of {image.hr}")
        self._keep(image, name, sr)
        return score_picture(sr, hr, metrics, self.protocol, self.scale)

    def _score_plane(
        self,
        image: EvaluationImage,
        hr: Picture,
        name: str,
        method: Method,
        metrics: Sequence[NamedMetric],
    ) -> Scores:
        hr_plane = hr_luma_plane(hr, self.scale)
        sr_plane = method.enlarge_plane(lr_luma_plane(hr_plane, self.scale, self.protocol))
        pair = luma_first_pair(sr_plane, hr_plane)
        self._keep(image, name, pair.sr[0, 0].numpy().astype(np.uint8))
        return score_pairs({"y": pair}, metrics, self.protocol.border(self.scale))

    def _lr(self, image: EvaluationImage, hr: Picture) -> Picture:
        if image.lr is not None:
            return decode(image.lr).picture
        return imresize(hr, 1 / self.scale, border=self.protocol.resize_border)

    def _keep(self, image: EvaluationImage, method: str, sr: Picture) -> None:
        if self.output is not None:
            write_png(self.output / method / image.set / f"{image.name}.png", sr)
