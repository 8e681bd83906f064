"""`show`: a saved plan, as `plan` showed it. Needs no project and no Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowerpower.cli.options import command
from flowerpower.cli.plan import Display, present
from flowerpower.cli.planfiles import read_plan
from flowerpower.cli.session import Session


@command("show", "Show a saved plan.", "flowerpower show plan.json --format markdown")
def show(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="PLANFILE", help="A file that `plan --out` wrote.")],
    display: Display,
) -> None:
    """Show a saved plan as `plan` would have shown it; it reads the file and nothing else."""
    session.prepare()
    present(session, read_plan(file), display)
