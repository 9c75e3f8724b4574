"""`sr study`: what a person types."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.study import Kind

app = typer.Typer(
    help="Ask people: a mean-opinion-score study in the browser.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="the study's folder")]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="SR_STUDY_DATABASE",
        help="postgresql://user:password@host/name; an SQLite file in the study's folder",
        show_default=False,
    ),
]


@app.command()
def create(
    folder: Folder,
    hr: Annotated[Path, typer.Option(help="folder of HR pictures, with its subfolders")],
    method: Annotated[
        list[str],
        typer.Option(
            help="bicubic, a folder of results, a .safetensors, or an MLflow run or model; "
            "name=... names it; once for each method"
        ),
    ],
    lr: Annotated[Path | None, typer.Option(help="stored LR of the same names")] = None,
    scale: Annotated[int | None, typer.Option(help="enlargement; models know their own")] = None,
    kind: Annotated[
        Kind, typer.Option(help="rating from 1 to 5, or pairs side by side")
    ] = "rating",
    reference: Annotated[bool, typer.Option(help="show HR too, as one of the methods")] = True,
    crop: Annotated[int, typer.Option(min=0, help="pixels a side, from the middle; 0: all")] = 512,
    pictures: Annotated[int, typer.Option(min=0, help="at most so many, by the seed; 0: all")] = 0,
    training_pictures: Annotated[int, typer.Option(min=0, help="of them, for practice only")] = 1,
    repeats: Annotated[
        int | None, typer.Option(min=0, help="items judged twice; a tenth", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the choice and of every order")] = 0,
    title: Annotated[str, typer.Option(help="what participants read first")] = "Picture quality",
) -> None:
    """Make a study of what methods made of the same pictures."""
    from pipeline.study.create import Design, create_study, named_methods
    from pipeline.study.order import playlist
    from pipeline.study.sources import BICUBIC, open_material
    from pipeline.tracking.resolve import resolve_model

    sources = {
        name: source if source == BICUBIC or Path(source).is_dir() else resolve_model(source)
        for name, source in named_methods(method).items()
    }
    design = Design(kind, reference, crop, pictures, training_pictures, repeats, seed)
    material = open_material(hr, sources, lr=lr, scale=scale)
    study = create_study(folder, material, design, title=title)
    screens = len(playlist(study, 1))
    print(f"{folder}: {', '.join(study.methods)}")
    print(f"{screens} screens a participant, about {max(1, round(screens * 6 / 60))} minutes")
    print(f"texts to change or translate: {folder}/study.json; then: sr study serve {folder}")


@app.command()
def serve(
    folder: Folder,
    database: Database = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 8000,
    participants: Annotated[int, typer.Option(min=0, help="links there shall be at least")] = 0,
    new_password: Annotated[bool, typer.Option(help="replace the forgotten password")] = False,
) -> None:
    """Serve a study's pages; the first time, print the password of its admin page."""
    from pipeline.study import server
    from pipeline.study.definition import read_study
    from pipeline.study.store import open_answers

    study = read_study(folder)
    answers = open_answers(study, database, folder)
    opened = server.listen(host, port)
    password = answers.ensure_password(new=new_password)
    answers.ensure_participants(participants)
    print(f"admin page: http://{host}:{opened.getsockname()[1]}/admin")
    if password:
        print(f"password:   {password}    (shown once; `--new-password` makes another)")
    print("Ctrl-C stops the server; answers are safe, and it goes on where it was.", flush=True)
    server.make_server(server.StudyPages(folder, study, answers).app()).run([opened])


@app.command()
def results(
    folder: Folder,
    database: Database = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="folder for tables and plot", show_default=False),
    ] = None,
    unfinished: Annotated[bool, typer.Option(help="count who has not finished too")] = False,
    screening: Annotated[bool, typer.Option(help="leave out observers as BT.500 says")] = True,
) -> None:
    """Write MOS or preferences with 95 % intervals, as tables and a plot."""
    from pipeline.study.definition import read_study
    from pipeline.study.results import study_results, write_results
    from pipeline.study.store import open_answers

    study = read_study(folder)
    frame = open_answers(study, database, folder).frame()
    result = study_results(study, frame, unfinished=unfinished, screening=screening)
    for path in write_results(result, output or folder / "results"):
        print(path)
    print(result.text())
