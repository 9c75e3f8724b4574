"""The frame of every command: expected errors become one line and exit status 1."""

import sys
from collections.abc import Callable

from pipeline.errors import UserError


def run_stage(body: Callable[[], None]) -> None:
    """Run a command's body.

    A `UserError` ends the process with its message and status 1, without traceback; anything
    else keeps its traceback, since it is a mistake of the program.
    """
    try:
        body()
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)
