"""Stage `train`: fit the network of params.yaml."""

import argparse
import sys
from pathlib import Path

from pipeline.config import Params, load_params
from pipeline.models.files import save_model
from pipeline.stage import run_stage
from pipeline.tracking.recording import training_run
from pipeline.tracking.resolve import resolve_model
from pipeline.training.cache import cache_root
from pipeline.training.launch import ending_once, launch, must_launch
from pipeline.training.recorder import NullRecorder
from pipeline.training.session import Training, open_training


def main() -> None:
    """Train in this process, or start the processes that do."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("hr", "lr", "model", "curve"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    params = load_params()
    config = params.train
    if must_launch(config):
        sys.exit(launch("stages.train", sys.argv[1:], processes=config.processes))

    initial = resolve_model(config.init_from) if config.init_from is not None else None
    with (
        ending_once(),
        open_training(
            params.recipe,
            hr_folder=paths.hr,
            lr_folder=paths.lr,
            cache=cache_root(),
            initial=initial,
        ) as training,
    ):
        if training.leads:
            record(training, params, paths)
        else:
            training.run(NullRecorder())


def record(training: Training, params: Params, paths: argparse.Namespace) -> None:
    """Train, write the model and the curve, record them."""
    recipe = params.recipe
    with training_run(
        params.model_dump(mode="json"),
        key=training.key,
        resumed=training.resumed,
        name=f"{recipe.model.name}-x{recipe.scale}",
        inputs=[paths.hr, paths.lr],
    ) as run:
        trained = training.run(run)
        save_model(paths.model, trained.network, recipe.model, scale=recipe.scale)
        paths.curve.parent.mkdir(parents=True, exist_ok=True)
        paths.curve.write_text(trained.curve, encoding="utf-8")
        run.log_model(paths.model)


if __name__ == "__main__":
    run_stage(main)
