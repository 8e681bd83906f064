"""`init`: a new project that validates, plans and runs at once."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "init", "Make a new project.", "flowerpower init acme && cd acme && flowerpower plan")(init)


def init(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new project.")] = Path(),
    name: Annotated[str | None, flag("--name", help="Name of the project; without it, the folder's.")] = None,
    git: Annotated[bool, flag("--git/--no-git", help="Start a git repository with a first commit.")] = True,
) -> None:
    """Make a new project: specs, a pipeline with its test, CI and editor settings. It plans and runs at once."""
    from flowerpower import scaffold

    files = scaffold.init(folder, name=name)
    repository = scaffold.start_repository(folder, files) if git else "no git"
    session.document({"folder": str(folder), "files": [path.as_posix() for path in files], "repository": repository})
    session.result("\n".join(f"{session.style('+', 'create')} {folder / path}" for path in files))
    into = "" if folder == Path() else f"cd {_in_shell(folder)} && "
    session.talk(f"\nA new project ({len(files)} files, git: {repository}). Next: {into}flowerpower plan")


def _in_shell(folder: Path) -> str:
    text = str(folder)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)
