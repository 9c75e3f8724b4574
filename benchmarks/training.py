"""Training: the engine's step against the bare loop, and what surrounds the steps.

The bare loop runs the same network, losses and optimisers on one fixed batch: no data, no logging,
no checks; it has the engine's way with memory (`keep_freed_memory`), without which SRCNN's bare
step takes 1.3 times as long. Both run in turns in one process, block by block; ratios are of the
lower quartiles, since other load on the machine only ever adds time.
Pictures are those of `data/hr` where there are some, else the photographs of scikit-image.

    python -m benchmarks.training [step gan content long watch checkpoint] [--threads 2]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import torch
from torch.nn.functional import l1_loss, softplus

from pipeline.data.collect import collect
from pipeline.data.config import DataConfig
from pipeline.data.sources import Places
from pipeline.data.store import build_store
from pipeline.degradation.config import DegradationConfig
from pipeline.degradation.store import degrade_store
from pipeline.losses import build_loss
from pipeline.schema import validate
from pipeline.tracking.recording import training_run
from pipeline.training.checkpoint import CheckpointFolder
from pipeline.training.config import Recipe
from pipeline.training.data import load_pairs, paired_rows
from pipeline.training.loop import TrainingLoop
from pipeline.training.memory import keep_freed_memory
from pipeline.training.recorder import NullRecorder, Recorder
from pipeline.training.session import reproducible

BLOCKS = 100
SECONDS_A_BLOCK = 0.1
WATCHED_STEPS = 200  # from one validation to the next, at default settings
COMPACT = {"name": "srvgg", "num_features": 32, "num_convs": 8}
EDSR = {"name": "edsr", "preset": "baseline"}
NETWORKS: dict[str, tuple[dict[str, Any], float]] = {
    "compact 32x8": (COMPACT, 1.05),
    "EDSR-baseline": (EDSR, 1.05),
    "SRCNN": ({"name": "srcnn"}, 1.05),
    "FSRCNN": ({"name": "fsrcnn"}, 1.10),
}
JUDGE = {"name": "vgg", "num_features": 16}
GAN = [
    {"name": "l1"},
    {"name": "adversarial", "kind": "vanilla", "weight": 5e-3, "discriminator": JUDGE},
]
CONTENT = [
    {"name": "l1"},
    {"name": "content", "extractor": {"name": "efficientnet_lite0"}, "layers": {"stage3": 1.0}},
]
Step = Callable[[], object]


class Stores:
    """Pictures for training at x4."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hr, self.lr = folder, Path("data/hr"), folder / "lr"
        if not (self.hr / "manifest.csv").is_file():
            self.hr = folder / "hr"
            values = {split: [{"name": "embedded"}] for split in ("train", "valid", "test")}
            data = validate(DataConfig, values, where="benchmark")
            collect(data, folder / "raw", places=Places.of_checkout())
            build_store(folder / "raw", self.hr, work=folder / "work")
        degrade_store(self.hr, self.lr, DegradationConfig(), scale=4, seed=0, jobs=1)

    def loop(self, model: dict[str, Any], loss: Any = None, **train: Any) -> TrainingLoop:
        """A training of the engine, batch 16, HR patches of 96."""
        quiet = {"steps": 10**6, "checkpoint_every": 10**6, "validation": None}
        values = {
            "scale": 4,
            "model": model,
            "loss": loss or [{"name": "l1"}],
            "train": {**quiet, "schedule": {"name": "constant"}, **train},
        }
        recipe = validate(Recipe, values, where="benchmark")
        rows = paired_rows(self.hr, self.lr, scale=4)
        train_pairs, valid_pairs = (
            load_pairs(
                rows, split, hr_folder=self.hr, lr_folder=self.lr, cache=self.folder / "images"
            )
            for split in ("train", "valid")
        )
        checkpoints = CheckpointFolder(self.folder / "checkpoints")
        return TrainingLoop(recipe, train_pairs, valid_pairs, checkpoints)


def bare(loop: TrainingLoop) -> Step:
    """The same arithmetic as a plain loop would do it, on one fixed batch."""
    recipe, state = loop.recipe, loop.state
    network = recipe.model.build(scale=4).to(memory_format=torch.channels_last)
    optimizer = recipe.train.optimizer.build(network.parameters())
    batch = next(loop._batches(state.phase))[0]
    lr, hr = (
        state.arithmetic.network_input(network, x).contiguous(memory_format=torch.channels_last)
        for x in (batch.lr, batch.hr)
    )
    terms = build_loss(recipe.loss, num_channels=network.num_channels, patch_size=96)
    terms.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    content = dict(terms.terms.items()).get("content")
    judge = terms.adversarial["adversarial"].discriminator if terms.adversarial else None
    judged = recipe.train.optimizer.build(judge.parameters()) if judge else None

    def step() -> None:
        sr = network(lr)
        loss = l1_loss(sr, hr)
        if content is not None:
            with torch.no_grad():
                wanted = content.extractor(hr, ["stage3"])["stage3"]
            loss = loss + l1_loss(content.extractor(sr, ["stage3"])["stage3"], wanted)
        if judge is not None:
            judge.requires_grad_(False)
            loss = loss + 5e-3 * softplus(-judge(sr)).mean()
            judge.requires_grad_(True)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if judge is not None and judged is not None:
            fake, real = judge(sr.detach()), judge(hr)
            judged.zero_grad()
            torch.autograd.backward(softplus(fake).mean() + softplus(-real).mean())
            judged.step()

    return step


def engine(loop: TrainingLoop, recorder: Recorder | None = None) -> Step:
    """One step of the engine a call."""
    steps: Iterator[int] = loop.steps(recorder or NullRecorder())
    return lambda: next(steps)


def seconds(step: Step, count: int) -> float:
    """Seconds of each of `count` steps, on average."""
    began = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - began) / count


def compare(name: str, loop: TrainingLoop, limit: float) -> None:
    """Print the ratio of the engine's step to the bare one."""
    steps = [bare(loop), engine(loop)]
    for step in steps:
        seconds(step, 5)
    count = max(1, round(SECONDS_A_BLOCK / seconds(steps[0], 3)))
    blocks = [[seconds(step, count) for step in steps] for _ in range(BLOCKS)]
    plain, ours = (quantiles(column, n=4)[0] for column in zip(*blocks, strict=True))
    middle = median(o / p for p, o in blocks)
    print(
        f"{name:24} bare {plain * 1e3:7.1f} ms   engine {ours * 1e3:7.1f} ms   ratio "
        f"{ours / plain:.3f} (median of pairs {middle:.3f}; allowed {limit:.2f})",
        flush=True,
    )


def step_time(stores: Stores) -> None:
    """Each network, L1."""
    for name, (model, limit) in NETWORKS.items():
        compare(name, stores.loop(model), limit)


def gan(stores: Stores) -> None:
    """A compact network and SRGAN's discriminator of a quarter width."""
    compare("GAN, compact", stores.loop(COMPACT, GAN), 1.05)


def content(stores: Stores) -> None:
    """Features of EfficientNet-Lite0."""
    compare("content, compact", stores.loop(COMPACT, CONTENT), 1.05)


def long(stores: Stores) -> None:
    """Speed, in turns with the bare loop, and memory over 2,000 steps."""
    loop = stores.loop({"name": "fsrcnn"})
    steps = [bare(loop), engine(loop)]
    process = psutil.Process()
    for step in steps:
        seconds(step, 100)
    ratios, memory = [], []
    for _ in range(100):
        plain, ours = (seconds(step, 20) for step in steps)
        ratios.append(ours / plain)
        memory.append(process.memory_info().rss / 2**20)
    first, last = median(ratios[:50]), median(ratios[50:])
    print(
        f"{'2,000 steps, FSRCNN':24} second half / first half {last / first:.3f} (over the bare "
        f"loop: {last:.3f} / {first:.3f})\n"
        f"{'':24} resident memory {memory[-1]:.0f} MiB, grown by "
        f"{max(memory[50:]) - max(memory[:50]):+.1f} MiB in the second half"
    )


def watch(stores: Stores) -> None:
    """Validation, pictures and MLflow at default settings, against none of them."""
    default: dict[str, Any] = {"validation": {}, "log_every": 20}
    with training_run(
        {"train": default}, key="benchmark", resumed=False, name="benchmark", inputs=[]
    ) as run:
        steps = [engine(stores.loop(COMPACT)), engine(stores.loop(COMPACT, **default), run)]
        for step in steps:
            seconds(step, WATCHED_STEPS)
        ratios = []
        for _ in range(6):
            blocks = [[seconds(step, 50) for step in steps] for _ in range(WATCHED_STEPS // 50)]
            without, with_all = (sum(column) for column in zip(*blocks, strict=True))
            ratios.append(with_all / without)
    print(
        f"{'watched, compact':24} validation, pictures and MLflow cost "
        f"{(median(ratios) - 1) * 100:+.1f} % (from {(min(ratios) - 1) * 100:+.1f} to "
        f"{(max(ratios) - 1) * 100:+.1f} %; allowed 3 %)"
    )


def checkpoint(stores: Stores) -> None:
    """How long training waits for a checkpoint of EDSR-baseline with Adam's moments."""
    loop = stores.loop(EDSR)
    step = engine(loop)
    seconds(step, 2)
    stalls = []
    for _ in range(8):
        began = time.perf_counter()
        loop._save()
        stalls.append(time.perf_counter() - began)
        seconds(step, 3)
    size = sum(t.numel() * t.element_size() for t in loop.state.checkpoint().tensors.values())
    print(
        f"{'checkpoint, EDSR':24} {size / 2**20:.0f} MiB   stall {median(stalls) * 1e3:.0f} ms, "
        f"longest {max(stalls) * 1e3:.0f} ms (allowed 60 ms)"
    )


PARTS: dict[str, Callable[[Stores], None]] = {
    "step": step_time,
    "gan": gan,
    "content": content,
    "long": long,
    "watch": watch,
    "checkpoint": checkpoint,
}


def main() -> None:
    """Measure all parts, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; without, all of them")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for name in set(arguments.parts) - set(PARTS):
        parser.error(f"no part {name!r}; known are {', '.join(PARTS)}")
    keep_freed_memory()
    with TemporaryDirectory() as folder, reproducible(arguments.threads):
        stores = Stores(Path(folder))
        for name in arguments.parts or PARTS:
            PARTS[name](stores)


if __name__ == "__main__":
    sys.exit(main())
