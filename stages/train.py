"""Train the network of params.yaml: data/hr data/lr -> models/model.safetensors plots/train.csv."""

import argparse
from pathlib import Path

from pipeline.config import load_params
from pipeline.data.cache import cache_root
from pipeline.models.files import save_model
from pipeline.stage import run_stage
from pipeline.training.loop import training
from pipeline.training.recorder import NullRecorder


def main() -> None:
    """Read parameters, train, write the model and the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("hr", "lr", "model", "curve"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    recipe = load_params().recipe
    with training(
        recipe,
        hr_folder=paths.hr,
        lr_folder=paths.lr,
        cache=cache_root(),
        recorder=NullRecorder(),
    ) as trained:
        save_model(paths.model, trained.network, recipe.model, scale=recipe.scale)
        paths.curve.parent.mkdir(parents=True, exist_ok=True)
        paths.curve.write_text(trained.curve, encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
