"""The `sr` command. Each body is short, and imports what it needs when it is called."""

import typer

from pipeline.stage import run_stage

app = typer.Typer(
    help="A reproducible laboratory for single-image super-resolution.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _main() -> None:
    """Keep `sr` a command with subcommands."""


def main() -> None:
    """Entry point of the console script."""
    run_stage(app)


if __name__ == "__main__":
    main()
