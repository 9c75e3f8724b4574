"""Time, memory and arithmetic rate of the networks: `python -m benchmarks.networks`.

Every network, first preset (`--all`: every preset; or names such as `imdn` `carn_m`), forward and
a training step (L1, backward, Adam), contiguous and channels last, on one thread. The rate is a
fraction of what a 1024 x 1024 matrix product reaches in turns with it: least processor time
against least processor time, so that a busy machine changes little. Multiply-adds are those that
have to be computed (`pipeline.models.complexity`, `executed`); a training step counts as three
forward passes. The LR picture is as large as keeps a forward pass near 3 G multiply-adds, 16 to 192
pixels a side. Memory is the peak of all tensors beside weights.

Fails where a compact network stays under 55 % in forward, but for those in `OFFENDERS`.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from pipeline.models import NETWORK_CONFIGS, NetworkConfig, network_config
from pipeline.models.complexity import count_multiply_adds, count_parameters, on_meta

TARGET = 0.55
COMPACT = 2_000_000  # parameters
TURNS = 5
MATRIX = 1024
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
# Where a compact network cannot, and why.
OFFENDERS: Mapping[str, str] = {
    "carn_m": "groups of 16 channels; concatenations copy as much as they compute",
    "dbpn": "x4 and x8: a few features, activated and corrected in HR space",
    "fsrcnn": "maps of 12 channels fill no vector, so it is bound by memory",
    "hourglass": "1x1 convolutions of few features at full size, bound by memory",
    "memnet": "recursion on small maps: concatenations and normalisation between convolutions",
    "prosr": "dense connections copy all that was computed before; mirrored borders",
    "srcnn": "9x9 kernels on a single channel",
    "srdensenet": "dense connections copy all that was computed before",
    "srfbn": "feedback: concatenations and PReLU in HR space after every projection",
    "swinir": "attention of heads 10 wide: softmax and bias cost more than the products",
}


class Case(NamedTuple):
    """A network to measure."""

    label: str
    config: NetworkConfig
    scale: int
    side: int
    multiply_adds: int


class Measured(NamedTuple):
    """Least processor time, and peak of the tensors' bytes."""

    seconds: float
    bytes: int


def cases(names: list[str], scale: int, every_preset: bool) -> Iterator[Case]:
    """Yield the networks named, or all."""
    for name, config_class in NETWORK_CONFIGS.items():
        presets = list(config_class.presets) or [None]
        for index, preset in enumerate(presets):
            label = f"{name}_{preset}" if preset else name
            chosen = {name, label} & set(names) if names else every_preset or index == 0
            if not chosen or scale not in config_class.scales:
                continue
            values: dict[str, Any] = {"name": name} | ({"preset": preset} if preset else {})
            config = network_config(values)
            per_pixel = multiply_adds(config, scale, 32) / 32**2
            side = int((3e9 / per_pixel) ** 0.5) // 8 * 8
            side = min(max(side, 16), 192)
            yield Case(label, config, scale, side, multiply_adds(config, scale, side))


def multiply_adds(config: NetworkConfig, scale: int, side: int) -> int:
    """Count the products of one forward pass."""
    network = on_meta(config, scale=scale)
    return count_multiply_adds(network, height=side, width=side).executed


def runs(case: Case, layout: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Prepare a forward pass and a training step."""
    torch.manual_seed(0)
    network = case.config.build(scale=case.scale).to(memory_format=LAYOUTS[layout])
    lr = torch.rand(1, network.num_channels, case.side, case.side)
    lr = lr.contiguous(memory_format=LAYOUTS[layout])
    hr = torch.rand(1, network.num_channels, case.side * case.scale, case.side * case.scale)
    optimiser = torch.optim.Adam(network.parameters(), 1e-5)

    @torch.inference_mode()
    def forward() -> Tensor:
        return network.eval()(lr)

    def step() -> None:
        optimiser.zero_grad()
        (network.train()(lr) - hr).abs().mean().backward()
        optimiser.step()

    return forward, step


def seconds(run: Callable[[], object]) -> float:
    """Processor time of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def peak_bytes(run: Callable[[], object]) -> int:
    """Most bytes that were allocated at once during a run, beyond those before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
        run()
    assert record.profiler is not None
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = top = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        top = max(top, now)
    return top


def measure(case: Case) -> tuple[dict[tuple[str, str], Measured], float]:
    """Measure all variants and the matrix product in turns.

    Returns:
        Results by layout and kind, and the multiply-adds a second of the matrix product.
    """
    matrix = torch.rand(MATRIX, MATRIX)
    variants: dict[tuple[str, str], Callable[[], object]] = {}
    for layout in LAYOUTS:
        variants[layout, "forward"], variants[layout, "step"] = runs(case, layout)
    memory = {key: peak_bytes(run) for key, run in variants.items()}  # also the warm-up
    best = dict.fromkeys(variants, float("inf"))
    product = float("inf")
    for _ in range(TURNS):
        for key, run in variants.items():
            product = min(product, seconds(lambda: matrix @ matrix))
            best[key] = min(best[key], seconds(run))
    return {key: Measured(best[key], memory[key]) for key in variants}, MATRIX**3 / product


def row(case: Case, results: Mapping[tuple[str, str], Measured], rate: float) -> str:
    """Format one line of the table."""
    columns = []
    for kind, passes in (("forward", 1), ("step", 3)):
        for layout in LAYOUTS:
            took, size = results[layout, kind]
            fraction = passes * case.multiply_adds / took / rate
            columns.append(f"{took * 1e3:7.1f} {size / 1e6:6.0f} {fraction:5.0%}")
    giga = case.multiply_adds / 1e9
    return f"{case.label:20} {case.side:4} {giga:6.2f} | {' | '.join(columns)}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks, such as imdn or carn_m")
    parser.add_argument("--scale", type=int, default=2, choices=(2, 3, 4, 8))
    parser.add_argument("--all", action="store_true", help="every preset")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    heads = " | ".join(f"{kind + ' ' + at:>20}" for kind in ("forward", "step") for at in LAYOUTS)
    print(f"{f'x{arguments.scale}, one thread':25} {'G':>6} | {heads}")
    units = " | ".join([f"{'ms':>7} {'MB':>6} {'rate':>5}"] * 4)
    print(f"{'network':20} {'LR':>4} {'':6} | {units}")
    slow, reasons = [], []
    for case in cases(arguments.names, arguments.scale, arguments.all):
        results, rate = measure(case)
        print(row(case, results, rate), flush=True)
        parameters = count_parameters(on_meta(case.config, scale=case.scale))
        fraction = case.multiply_adds / results["nhwc", "forward"].seconds / rate
        if parameters > COMPACT or fraction >= TARGET:
            continue
        known = OFFENDERS.get(case.label) or OFFENDERS.get(case.label.split("_")[0])
        line = f"{case.label}: {fraction:.0%} of the matrix product"
        (reasons if known else slow).append(f"{line}: {known}" if known else line)
    print("\n".join(reasons))
    for line in slow:
        print(f"error: {line}, less than {TARGET:.0%}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
