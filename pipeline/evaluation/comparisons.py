"""HR, bicubic and network side by side, where they differ most."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.evaluation.protocol import shown_hr
from pipeline.evaluation.runner import EvaluationImage
from pipeline.evaluation.store import TestResult
from pipeline.evaluation.tables import BASELINE, NETWORK
from pipeline.images.picture import read_png, write_png
from pipeline.images.windows import comparison_sheet, most_telling_window


def write_comparisons(
    images: Sequence[EvaluationImage], result: TestResult, *, results: Path, folder: Path
) -> list[Path]:
    """Draw HR, bicubic and network side by side for every picture, `<set>_<name>.png`."""
    sheets = []
    metric = next(name for name in result.frame.columns[3:])
    scores = result.frame.set_index(["set", "image", "method"])[metric]
    scale = int(result.summary["protocol"]["scale"])
    for image in images:
        file = f"{image.set}/{image.name}.png"
        bicubic, network = (read_png(results / name / file) for name in (BASELINE, NETWORK))
        hr = shown_hr(read_png(image.hr), scale, like=bicubic)
        panels = [("HR", hr)]
        for name, picture in ((BASELINE, bicubic), (NETWORK, network)):
            value = scores[(image.set, image.name, name)]
            panels.append((f"{name}  {metric} {value:.2f}", picture))
        sheet = comparison_sheet(panels, hr, most_telling_window(hr, bicubic))
        sheets.append(folder / f"{image.set}_{image.name}.png")
        write_png(sheets[-1], sheet)
    return sheets
