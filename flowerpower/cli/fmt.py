"""`fmt`: the canonical layout of spec files; also a pre-commit hook."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import Problem, UsageError

if TYPE_CHECKING:
    from flowerpower.formatting import SpecFile


@dataclass(frozen=True)
class Which:
    """The flags for files of more than one project."""

    all: Annotated[bool, flag("--all", help="Every project of this repository, or below the folders named.")] = False
    skip_others: Annotated[
        bool, flag("--skip-others", help="Pass over files that are no specs of a project, for hooks.")
    ] = False


@dataclass(slots=True)
class _Outcome:
    """What became of the files."""

    changed: list[SpecFile] = field(default_factory=list)
    unchanged: int = 0
    failed: int = 0
    problems: list[Problem] = field(default_factory=list)


@command("fmt", "Put spec files into the canonical layout.", "flowerpower fmt --check")
def fmt(
    session: Session,
    which: Which,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Spec files or folders; without any, all of the project; `-` for stdin to stdout."),
    ] = None,
    check: Annotated[bool, flag("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    diff: Annotated[bool, flag("--diff", help="As --check, and show what would change.")] = False,
    stdin_filename: Annotated[
        str, flag("--stdin-filename", help="What to call the text of stdin in messages.", metavar="NAME")
    ] = "stdin",
) -> int:
    """Put spec files into the canonical layout: only space moves. A file with a mistake in its YAML is left alone."""
    names = files or []
    if Path("-") in names:
        return _stdin(session, names, stdin_filename, check=check or diff, diff=diff)
    written = not (check or diff)
    outcome = _Outcome()
    with session.progress("Formatting") as bar:
        for number, file in enumerate(_files(session, which, names)):
            _take(outcome, file, written=written)
            if number % 100 == 99:
                bar.say(f"Formatting: {number + 1:,} files")
    _show(session, outcome, written=written, diff=diff)
    return int(bool(outcome.problems) or (bool(outcome.changed) and not written))


def _files(session: Session, which: Which, names: list[Path]) -> Iterator[SpecFile]:
    from flowerpower.cli.projects import every_project
    from flowerpower.formatting import files_of_project, named_files

    if which.all:
        for folder in every_project(names):
            yield from files_of_project(folder)
    elif names or which.skip_others:
        yield from named_files(names, skip_others=which.skip_others)
    else:
        yield from files_of_project(session.project().folder)


def _take(outcome: _Outcome, file: SpecFile, *, written: bool) -> None:
    from flowerpower.formatting import write

    problem = write(file) if written and file.changed else None
    outcome.problems += [*file.problems, *([problem] if problem else [])]
    if file.problems or problem:
        outcome.failed += 1
    elif file.changed:
        outcome.changed.append(file)
    else:
        outcome.unchanged += 1


def _show(session: Session, outcome: _Outcome, *, written: bool, diff: bool) -> None:
    from flowerpower.render.formatted import diff_text, formatted_counts, formatted_dict
    from flowerpower.render.problems import problems_text
    from flowerpower.render.words import safe

    diffs = [diff_text(file.shown, file.before, file.after) if diff else None for file in outcome.changed]
    changed = [(file.shown, text) for file, text in zip(outcome.changed, diffs, strict=True)]
    session.document(formatted_dict(changed, outcome.unchanged, outcome.problems, written=written))
    for file in outcome.changed:
        if diff:
            session.result(diff_text(file.shown, file.before, file.after, style=session.style))
        else:
            session.result(f"{'formatted' if written else 'would format'} {safe(file.shown)}")
    if outcome.problems:
        session.result(problems_text(outcome.problems, style=session.style))
    session.talk(f"{formatted_counts(len(outcome.changed), outcome.unchanged, outcome.failed, written=written)}.")


def _stdin(session: Session, names: list[Path], name: str, *, check: bool, diff: bool) -> int:
    from flowerpower.render.formatted import diff_text
    from flowerpower.render.problems import problems_text
    from flowerpower.specs.layout.format import format_spec

    if len(names) > 1 or session.json:
        raise UsageError("`-` stands alone: it reads one text from stdin", hint="name files, or give `-` and no --json")
    content = sys.stdin.buffer.read()
    formatted = format_spec(name, content)
    if formatted.problems:
        session.talk(problems_text(formatted.problems, style=session.talk_style))
        return 1
    if diff and formatted.content != content:
        session.result(diff_text(name, content, formatted.content, style=session.style))
    if not check:
        sys.stdout.buffer.write(formatted.content)
        sys.stdout.buffer.flush()
    return int(check and formatted.content != content)
