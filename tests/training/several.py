"""A training that starts its own processes, as the stage does: `FOLDER OUTPUT SECONDS`."""

import sys
from pathlib import Path

from pipeline.models.files import save_model
from pipeline.stage import run_stage
from pipeline.training import key
from pipeline.training.launch import ending_once, launch, must_launch
from pipeline.training.recorder import NullRecorder
from pipeline.training.session import open_training
from tests.training.driver import SlowSteps
from tests.training.stores import small_recipe
from tests.training.test_processes import LAUNCHER, STEPS


def main() -> None:
    folder, target, slow = Path(sys.argv[1]), Path(sys.argv[1]) / sys.argv[2], float(sys.argv[3])
    recipe = small_recipe(processes=2, **STEPS)
    if must_launch(recipe.train):
        sys.exit(launch(LAUNCHER, sys.argv[1:], processes=2))
    # A file that someone saves in the meantime must not make it another training.
    key.code_digest = lambda: "the same"
    if slow:
        SlowSteps(slow)()
    with (
        ending_once(),
        open_training(
            recipe, hr_folder=folder / "hr", lr_folder=folder / "lr", cache=folder / "cache"
        ) as training,
    ):
        trained = training.run(NullRecorder())
        if training.leads:
            save_model(target / "model.safetensors", trained.network, recipe.model, scale=2)
            (target / "train.csv").write_text(trained.curve)


if __name__ == "__main__":
    run_stage(main)
