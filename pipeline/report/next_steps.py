"""What the terminal says after a run."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

NEXT_STEPS = """
Next:
  look at the pictures       open reports/index.html in a browser
  browse and compare runs    make ui
  change a parameter         edit params.yaml, then `make repro` runs what depends on it"""


def read_summary(path: Path) -> dict[str, Any]:
    """Read `summary.json`.

    Raises:
        UserError: If it is missing or broken.
    """
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; run `make repro` first") from None
    except ValueError as error:
        raise UserError(f"{path}: this is not JSON ({error}); run `make repro` again") from None
    return summary
