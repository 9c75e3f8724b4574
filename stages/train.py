"""Stage `train`: fit the network of params.yaml."""

import argparse
from pathlib import Path

from pipeline.config import load_params
from pipeline.data.cache import cache_root
from pipeline.models.files import save_model
from pipeline.stage import run_stage
from pipeline.tracking.recording import training_run
from pipeline.training.session import open_training


def main() -> None:
    """Read parameters, train, write the model and the curve, record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("hr", "lr", "model", "curve"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    params = load_params()
    recipe, inputs = params.recipe, [paths.hr, paths.lr]

    with (
        open_training(
            recipe, hr_folder=paths.hr, lr_folder=paths.lr, cache=cache_root()
        ) as training,
        training_run(
            params.model_dump(mode="json"),
            key=training.key,
            resumed=training.resumed,
            name=f"{recipe.model.name}-x{recipe.scale}",
            inputs=inputs,
        ) as run,
    ):
        trained = training.run(run)
        save_model(paths.model, trained.network, recipe.model, scale=recipe.scale)
        paths.curve.parent.mkdir(parents=True, exist_ok=True)
        paths.curve.write_text(trained.curve, encoding="utf-8")
        run.log_model(paths.model)


if __name__ == "__main__":
    run_stage(main)
