"""`startup`: whole processes that have next to nothing to do: the version, the help, a completion."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.children import run_command
from benchmarks.context import Context, Table
from benchmarks.corpus import write_project
from benchmarks.measure import Run, Side
from benchmarks.samples import Sample

_STARTS = 5  # in a sample: one alone is too short
_NOTE = (
    "The bare application is two commands of Typer that do nothing; it prints its help with Rich, as Typer does by "
    "itself, or without. Ours has more than thirty commands."
)
_BARE = '''import typer

app = typer.Typer({flags})


def show_version(wanted: bool) -> None:
    if wanted:
        print("bare 1.0")
        raise typer.Exit


@app.callback()
def main(version: bool = typer.Option(False, "--version", is_eager=True, callback=show_version)) -> None: ...


@app.command()
def plan(env: str = typer.Option("default", help="Environment.")) -> None:
    """Show what would change."""


@app.command()
def apply(env: str = typer.Option("default", help="Environment.")) -> None:
    """Change it."""


app(prog_name="bare")
'''


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each thing that is asked for."""
    project = write_project(context.folder / "project", schedules=900, pipelines=100)
    ours = [sys.executable, "-m", "flowerpower"]
    bare, plain = _write_bare(context.folder)
    rq = [
        Side(
            "rq --version",
            context.peers.versions["rq"],
            _runner([context.peers.tool("rq"), "--version"], project, "rq"),
            5,
        )
    ]
    for asked, expected in (("--version", "1.0"), ("--help", "plan"), ("plan --help", "--env")):
        mine = "flowerpower" if asked == "--version" else expected
        yield context.compare(
            f"{_STARTS} times {asked}",
            [
                _side("flowerpower", context.version, [*ours, *asked.split()], project, mine),
                *_bare_sides(bare, plain, asked.split(), project, expected),
                *rq,
            ],
            _NOTE,
        )
    yield context.compare(f"{_STARTS} completions", list(_completions(context, ours, bare, project)), _NOTE)


def _completions(context: Context, ours: Sequence[str], bare: Sequence[str], project: Path) -> Iterator[Side]:
    yield _side(
        "flowerpower", context.version, [*ours, "__complete", "bash", "flowerpower plan --e", "--e"], project, "--env"
    )
    asked = ["env", "_BARE_COMPLETE=complete_bash", "COMP_WORDS=bare plan --e", "COMP_CWORD=2", *bare]
    yield _side("bare Typer application", version("typer"), asked, project, "--env")
    names = [*ours, "__complete", "bash", "flowerpower status schedule_0000", "schedule_0000"]
    yield _side("flowerpower, names of 1,000 specs", context.version, names, project, "schedule_00001")


def _bare_sides(
    bare: Sequence[str], plain: Sequence[str], asked: Sequence[str], folder: Path, expected: str
) -> Iterator[Side]:
    yield _side("bare Typer application", version("typer"), [*bare, *asked], folder, expected)
    yield _side("the same without Rich", version("typer"), [*plain, *asked], folder, expected)


def _side(name: str, number: str, command: Sequence[str], folder: Path, expected: str) -> Side:
    return Side(name, number, _runner(command, folder, expected), _STARTS)


def _write_bare(folder: Path) -> tuple[list[str], list[str]]:
    """Write the application, with Rich and without, and return the commands that start it."""
    made = []
    for name, flags in (("bare.py", ""), ("plain.py", "rich_markup_mode=None, pretty_exceptions_enable=False")):
        file = folder / name
        file.write_text(_BARE.format(flags=flags), encoding="utf-8")
        made.append([sys.executable, str(file)])
    return made[0], made[1]


def _runner(command: Sequence[str], folder: Path, expected: str) -> Run:
    def run_once() -> Mapping[str, Sample]:
        sample, printed = run_command([command] * _STARTS, folder)
        return {"": sample._replace(count=sum(expected in text for text in printed))}

    return run_once
