"""The list of networks: the table of `sr models` and the page `docs/networks.md`.

`python -m pipeline.models.catalogue docs` writes the page and its diagrams anew.
"""

import csv
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.models import NETWORK_CONFIGS, NetworkConfig, network_config
from pipeline.models.complexity import (
    count_parameters,
    count_weights,
    multiply_adds_720p,
    on_meta,
)
from pipeline.models.diagrams import DIAGRAMS, svg
from pipeline.models.post_upsampling.span import MergedConv

GROUPS: Mapping[str, str] = {
    "pre_upsampling": (
        "The picture is interpolated first and a network of one size refines it. Easy to train, "
        "and one network serves every factor, fractions too; the residual to learn is small. But "
        "every layer works on all pixels of the result, so cost grows with the square of the "
        "factor while no layer sees more than the small picture held; and interpolation blurs "
        "and spreads the noise of its input, which the network then takes for structure and "
        "amplifies."
    ),
    "post_upsampling": (
        "All layers work on the small picture and the last ones enlarge it, so the same depth "
        "costs 1 / factor ** 2 of what it costs above, and the enlargement is learned. The price: "
        "one network for each factor, and a large factor is asked of a single step, with few "
        "layers left to mend at full size what that step gets wrong."
    ),
    "progressive": (
        "A large factor is decomposed into doublings, each with its own picture that can be "
        "supervised, so that x8 is learned as three easier tasks, and one pass gives every level. "
        "Training is longer and wants a curriculum, the upper levels work on large maps, and only "
        "powers of two come out without a detour."
    ),
    "iterative": (
        "The network enlarges and shrinks its features by turns. What shrinking gives back is "
        "compared with what went in, and the error of this reconstruction is fed back as a "
        "correction, which helps most at large factors. Each turn passes through maps of full "
        "size with large kernels: the dearest group for its parameters, and the hardest to design, "
        "since every factor needs kernels of its own."
    ),
    "laboratory": (
        "One composable network whose placement of the enlargement, blocks, skips, upsampler, "
        "normalisation and activation are settings, to compare one choice with everything else "
        "equal. It is nobody's published network: its numbers are for comparison among themselves."
    ),
}
HEADINGS: Mapping[str, str] = {
    "pre_upsampling": "Pre-upsampling",
    "post_upsampling": "Post-upsampling",
    "progressive": "Progressive",
    "iterative": "Iterative up and down",
    "laboratory": "The design laboratory",
}
SCALES = (2, 3, 4, 8)
COLUMNS = ("group", "name", "preset", "parameters", "multiply-adds", "paper", "year", "min")


class Entry(NamedTuple):
    """One preset of one network at one scale."""

    group: str
    name: str
    preset: str
    parameters: int
    multiply_adds: int
    paper: str
    year: int
    min_size: int

    def cells(self) -> list[str]:
        """The row as people read it."""
        return [
            self.group.replace("_", "-"),
            self.name,
            self.preset or "-",
            f"{self.parameters:,}",
            f"{self.multiply_adds / 1e9:,.1f} G",
            self.paper,
            str(self.year),
            str(self.min_size),
        ]


def entries(scale: int) -> list[Entry]:
    """List every preset that is defined for a scale, by group, in the order of their years."""
    found = []
    for name, config_class in NETWORK_CONFIGS.items():
        if scale not in config_class.scales:
            continue
        for preset in config_class.presets or [""]:
            config = network_config({"name": name} | ({"preset": preset} if preset else {}))
            network = on_meta(config, scale=scale)
            cost = multiply_adds_720p(network).published
            size = count_parameters(network)
            paper, year = config.paper, config.year
            group = config.group()
            found.append(Entry(group, name, preset, size, cost, paper, year, network.min_size))
    order = list(GROUPS)
    return sorted(found, key=lambda e: (order.index(e.group), e.year))


def text_table(scale: int) -> str:
    """The table of `sr models`."""
    rows = [list(COLUMNS), *(entry.cells() for entry in entries(scale))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    right = {COLUMNS.index(name) for name in ("parameters", "multiply-adds", "year", "min")}
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    note = (
        f"x{scale}; multiply-adds for an output of 1280x720, as papers count; min: smallest LR side"
    )
    return "\n".join([*lines, note])


Counted = Literal[
    "parameters", "weights", "parameters of all scales", "weights of all scales", "merged"
]


class Comparison(NamedTuple):
    """A published size or cost of a network, and ours."""

    config: NetworkConfig
    scale: int
    counted: Counted
    parameters: str
    multiply_adds: str
    source: str

    def ours(self) -> tuple[int, int]:
        """Count what was counted for the published row, and the multiply-adds."""
        network = on_meta(self.config, scale=self.scale)
        match self.counted:
            case "parameters":
                size = count_parameters(network)
            case "weights":
                size = count_weights(network)
            case "parameters of all scales":
                size = _of_all_scales(self.config, least_axes=0)
            case "weights of all scales":
                size = _of_all_scales(self.config, least_axes=2)
            case "merged":
                merged = [m for m in network.modules() if isinstance(m, MergedConv)]
                kernels = sum(tensor.numel() for m in merged for tensor in m.merged())
                size = count_parameters(network) - sum(map(count_parameters, merged)) + kernels
        return size, multiply_adds_720p(network).published


def comparisons() -> list[Comparison]:
    """Every published row, in the order of `published.csv`."""
    text = resources.files("pipeline.models").joinpath("published.csv").read_text("utf-8")
    found = []
    for row in csv.DictReader(text.splitlines()):
        preset = {"preset": row["preset"]} if row["preset"] else {}
        found.append(
            Comparison(
                network_config({"name": row["network"], **preset}),
                int(row["scale"]),
                row["counted"],  # type: ignore[arg-type]  # checked by the tests
                row["parameters"],
                row["multiply_adds"],
                row["source"],
            )
        )
    return found


def _of_all_scales(config: NetworkConfig, *, least_axes: int) -> int:
    """Count CARN as its authors do: the upsampling of x2, x3 and x4 on one common body."""
    sizes: dict[str, int] = {}
    for scale in (2, 3, 4):
        for key, value in on_meta(config, scale=scale).named_parameters():
            own = f"x{scale}." if key.startswith("upsample.") else ""
            sizes[own + key] = value.numel() if value.ndim >= least_axes else 0
    return sum(sizes.values())


def page(scale: int = 4) -> str:
    """The text of `docs/networks.md`."""
    found = entries(scale)
    parts = [
        "# Networks",
        "Written by `python -m pipeline.models.catalogue docs`; `sr models` prints the same table "
        f"for any scale. Sizes and costs are for x{scale} (networks are built for one scale); "
        "multiply-adds are for an output of 1280x720, counted as the published tables do: a "
        "transposed convolution applies its kernel at every output position. SPAN's parameters "
        "are those that are trained; merged for use there are 426,288 (s) and 498,208 (full).",
    ]
    for group, text in GROUPS.items():
        rows = [entry.cells()[1:] for entry in found if entry.group == group]
        parts += [
            f"## {HEADINGS[group]}",
            f"![{DIAGRAMS[group].title}](networks/{group}.svg)",
            text,
            _markdown(COLUMNS[1:], rows),
        ]
    return "\n\n".join([*parts, "## Published and ours", _PUBLISHED, _compared()]) + "\n"


_PUBLISHED = (
    "What is counted differs from paper to paper and is named: all parameters; weights without "
    "biases, slopes and normalisations (the table of CARN's authors); one network with branches "
    "for x2, x3 and x4 (CARN itself, CARN-M without biases); kernels that are trained as several "
    "and merged for use (SPAN). One row of CARN's table is missing here: SRDenseNet x4, 2,015K and "
    "389.9G, from an implementation that is not public and does not follow from the paper, which "
    "gives no count; the network here has 2,002K weights and 389.1G."
)


def _compared() -> str:
    rows = []
    for row in comparisons():
        size, cost = row.ours()
        name = f"{row.config.model_dump()['name']} {row.config.preset or ''}".strip()
        cost_text = f"{cost / 1e9:.2f}G" if row.multiply_adds else ""
        counted = [f"{name} x{row.scale}", row.counted, row.parameters, f"{size:,}"]
        rows.append([*counted, row.multiply_adds, cost_text, row.source])
    heads = ["network", "counted", "published", "ours", "multiply-adds", "ours", "source"]
    return _markdown(heads, rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_documents(folder: Path) -> None:
    """Write the page and its diagrams."""
    (folder / "networks").mkdir(parents=True, exist_ok=True)
    (folder / "networks.md").write_text(page(), encoding="utf-8")
    for group, diagram in DIAGRAMS.items():
        (folder / "networks" / f"{group}.svg").write_text(svg(diagram), encoding="utf-8")


if __name__ == "__main__":
    write_documents(Path(sys.argv[1]))
