"""The `sr` command. Each body is short, and imports what it needs when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.stage import run_stage
from pipeline.study.commands import app as study_app

app = typer.Typer(
    help="A reproducible laboratory for single-image super-resolution.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

runs_app = typer.Typer(invoke_without_command=True)
app.add_typer(runs_app, name="runs")
app.add_typer(study_app, name="study")


@app.callback()
def _options() -> None:
    """Keep `sr` a command with subcommands."""


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="bicubic, zero-shot, zero-shot-blind, a .safetensors, an MLflow run or model"
        ),
    ],
    hr_folder: Annotated[Path, typer.Argument(help="folder of HR pictures")],
    scale: Annotated[int | None, typer.Option(help="enlargement; a model knows its own")] = None,
    protocol: Annotated[str, typer.Option(help="luma-first or rgb")] = "rgb",
    metrics: Annotated[str, typer.Option(help="names, with commas between")] = "psnr_y,ssim_y",
    lr_folder: Annotated[Path | None, typer.Option(help="stored LR of the same names")] = None,
    border: Annotated[
        str, typer.Option(help="resizer's border: symmetric, replicate")
    ] = "symmetric",
    crop_border: Annotated[int | None, typer.Option(help="pixels cut off; the scale")] = None,
    output: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
    self_ensemble: Annotated[bool, typer.Option(help="average over flips and rotations")] = False,
    tile: Annotated[int | None, typer.Option(help="LR pixels a side of a tile")] = None,
    json: Annotated[bool, typer.Option(help="print JSON")] = False,
) -> None:
    """Score a model, or bicubic, on any folder of HR pictures."""
    from json import dumps

    from pipeline.evaluation.config import EvaluateConfig
    from pipeline.evaluation.folder import evaluate_folder, result_table
    from pipeline.methods import named_method
    from pipeline.schema import validate

    names = [name.strip() for name in metrics.split(",")]
    chosen = {"name": protocol, "crop_border": crop_border, "resize_border": border}
    settings = {"protocol": chosen, "metrics": names, "self_ensemble": self_ensemble, "tile": tile}
    config = validate(EvaluateConfig, settings, where="sr evaluate")
    name, method, factor = named_method(model, config, scale=scale)
    scores = evaluate_folder(
        name,
        method,
        hr_folder,
        scale=factor,
        protocol=config.protocol,
        metrics=config.metrics,
        lr_folder=lr_folder,
        output=output,
    )
    result = {"model": model, **scores}
    print(dumps(result, indent=2, allow_nan=False) if json else result_table(result, names))


@app.command("import-weights")
def import_weights(
    network: Annotated[str, typer.Argument(help="name, or name and preset: carn, carn-m")],
    file: Annotated[Path, typer.Argument(help="checkpoint: .pth .pt .npz .safetensors .mat")],
    scale: Annotated[int, typer.Option(help="enlargement that the weights are for")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the .safetensors to write")],
) -> None:
    """Turn a checkpoint of a network's authors into a model of this project."""
    from pipeline.models import importing
    from pipeline.models.files import save_model

    built, config = importing.import_weights(network, file, scale=scale)
    save_model(output, built, config, scale=scale)
    count = sum(parameter.numel() for parameter in built.parameters())
    preset = f", preset {config.preset}" if config.preset else ""
    print(f"{output}: {network}{preset}, scale {scale}, {count:,} parameters")


@app.command()
def models(
    scale: Annotated[int, typer.Option(help="enlargement: 2, 3, 4 or 8")] = 4,
) -> None:
    """List the networks: sizes, costs, papers."""
    from pipeline.errors import UserError
    from pipeline.models.catalogue import SCALES, text_table

    if scale not in SCALES:
        known = ", ".join(map(str, SCALES))
        raise UserError(f"scale {scale}: networks are listed for {known}")
    print(text_table(scale))


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(help="one of them, with all that is known")] = None,
) -> None:
    """List the catalogue of public data sets: sizes, licences, addresses."""
    from pipeline.data.sources.catalogue import details, text_table

    print(details(name) if name else text_table())


@app.command()
def results(
    metrics: Annotated[Path, typer.Argument(help="what `evaluate` wrote")] = Path(
        "metrics/summary.json"
    ),
) -> None:
    """Show the table of the last `dvc repro`, and what to try next."""
    from pipeline.evaluation.tables import text_table
    from pipeline.report.next_steps import NEXT_STEPS, read_summary

    summary = read_summary(metrics)
    print(text_table(summary))
    print(NEXT_STEPS)


@app.command()
def upscale(
    model: Annotated[str, typer.Argument(help="a .safetensors, or an MLflow run or model")],
    pictures: Annotated[list[Path], typer.Argument(help="pictures, or folders of pictures")],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the results")],
    tile: Annotated[int | None, typer.Option(help="LR pixels a side of a tile")] = None,
    self_ensemble: Annotated[bool, typer.Option(help="average over flips and rotations")] = False,
) -> None:
    """Enlarge pictures with a trained network."""
    from pipeline.inference.files import upscale_files
    from pipeline.models.files import load_model
    from pipeline.tracking.resolve import resolve_model

    network = load_model(resolve_model(model))
    for path in upscale_files(network, pictures, output, tile=tile, self_ensemble=self_ensemble):
        print(path)


@runs_app.callback()
def runs(
    context: typer.Context,
    condition: Annotated[
        str, typer.Option("--filter", help="as MLflow's pages take it: params.scale = '2'")
    ] = "",
    limit: Annotated[int, typer.Option(help="rows; 0 for all")] = 20,
    json: Annotated[bool, typer.Option(help="print JSON")] = False,
) -> None:
    """List the recorded runs, newest first, with the scores of their latest evaluation."""
    from pipeline.tracking.runs import runs_table, tidy

    if context.invoked_subcommand is None:
        table = runs_table(condition=condition, limit=limit)
        print(table.to_json(orient="records", indent=2) if json else tidy(table))


@runs_app.command()
def replay() -> None:
    """Send the records that could not be sent while the tracking store was away."""
    from pipeline.tracking.outbox import leftovers, replay_leftovers
    from pipeline.tracking.store import connect_or_explain

    connect_or_explain()
    print(f"{replay_leftovers()} sent, {len(leftovers())} left")


@app.command()
def reproduce(
    run: Annotated[str, typer.Argument(help="id of a run; `sr runs` lists them")],
) -> None:
    """Train a recorded run again in a temporary clone, and compare the weights."""
    from pipeline.errors import UserError
    from pipeline.tracking.reproduce import reproduce as train_again

    result = train_again(run)
    notes = "".join(f"\n  {line}" for line in result.differences)
    if not result.equal:
        raise UserError(f"not equal: {result.expected} then, {result.found} now{notes}")
    print(f"equal: the weights have sha256 {result.found}{notes}")


@app.command()
def compare(
    runs: Annotated[
        list[str] | None, typer.Argument(help="ids; all evaluated runs if there are none")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="only this one: luma-first, rgb")] = None,
    against: Annotated[str | None, typer.Option(help="id of a run; bicubic if absent")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="folder")] = Path("compare"),
) -> None:
    """Compare runs that were measured alike; draw the perception-distortion plane."""
    from pipeline.evaluation.compare import alike, require_alike
    from pipeline.report.compare import write_comparison
    from pipeline.tracking.evaluations import recorded_evaluations

    evaluations = recorded_evaluations(runs or [], protocol=protocol)
    if runs:
        require_alike(evaluations)
    print(write_comparison(alike(evaluations), output, against=against))


@app.command()
def ui(port: Annotated[int, typer.Option(help="port on 127.0.0.1")] = 5000) -> None:
    """Browse the runs in MLflow's pages."""
    from pipeline.tracking.server import serve

    serve(port)


def main() -> None:
    """Entry point of the console script."""
    run_stage(app)


if __name__ == "__main__":
    main()
