"""`validate`: whole processes that check a project of spec files, cold."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.children import run_command
from benchmarks.context import Context, Table
from benchmarks.corpus import write_project
from benchmarks.measure import Sample, Side
from benchmarks.peers import CHECKOUT

_NOTE = (
    "Peers check each file against its kind's JSON Schema (yamllint: style alone); flowerpower also checks cron, "
    "zones, references between files and that modules exist."
)
_KINDS = ("pipeline", "schedule")
# One warning for each file is how yamllint shows that it has looked at it.
_YAMLLINT = "{extends: relaxed, rules: {line-length: disable, document-start: {level: warning}}}"

Commands = Sequence[Sequence[str]]


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each size: so many spec files, `flowerpower.yaml` aside."""
    for size in context.sizes:
        project = _corpus(context, size)
        few = _corpus(context, context.slow_size(size)) if context.quick else project
        sides = [_flowerpower(context, project, size), *_slow_peers(context, few, context.slow_size(size))]
        if context.peers.ajv:
            sides.append(_ajv(context, project, size))
        yield context.compare(f"validate {size:,} spec files", sides, _NOTE)


def _corpus(context: Context, size: int) -> Path:
    folder = context.folder / f"corpus-{size}"
    return folder if folder.exists() else write_project(folder, schedules=size - size // 10, pipelines=size // 10)


def _flowerpower(context: Context, project: Path, size: int) -> Side:
    command = [sys.executable, "-m", "flowerpower", "validate"]
    return Side("flowerpower", context.version, _runner([command], project, _valid_specs), size)


def _valid_specs(printed: Sequence[str]) -> int:
    """Return how many specs flowerpower says it has found valid: `... 100 pipelines, 899 schedules`."""
    numbers = re.findall(r"([\d,]+) (?:pipeline|schedule)s?\b", printed[0])
    return sum(int(number.replace(",", "")) for number in numbers)


def _slow_peers(context: Context, project: Path, size: int) -> list[Side]:
    check = [
        [context.peers.tool("check-jsonschema"), "-vv", "-o", "json", "--schemafile", str(_schema(kind)), *files]
        for kind in _KINDS
        if (files := sorted(str(file.relative_to(project)) for file in (project / f"{kind}s").iterdir()))
    ]
    lint = [[context.peers.tool("yamllint"), "-f", "parsable", "-d", _YAMLLINT, "pipelines", "schedules"]]
    versions, rounds = context.peers.versions, context.slow_rounds(size)
    sides = [
        Side("check-jsonschema", versions["check-jsonschema"], _runner(check, project, _checked_paths), size),
        Side("yamllint", versions["yamllint"], _runner(lint, project, _linted), size),
    ]
    return [replace(side, rounds=rounds) for side in sides]


def _ajv(context: Context, project: Path, size: int) -> Side:
    commands = [
        [str(context.peers.ajv), "validate", "--strict=false", "-s", str(_schema(kind)), "-d", f"{kind}s/*.yaml"]
        for kind in _KINDS
    ]
    valid = lambda printed: sum(text.count(" valid\n") for text in printed)  # noqa: E731
    return Side("ajv-cli", context.peers.versions["ajv-cli"], _runner(commands, project, valid), size)


def _schema(kind: str) -> Path:
    return CHECKOUT / "schemas" / f"{kind}.schema.json"


def _checked_paths(printed: Sequence[str]) -> int:
    return sum(len(json.loads(text)["checked_paths"]) for text in printed)


def _linted(printed: Sequence[str]) -> int:
    return sum(text.count("document-start") for text in printed)


def _runner(commands: Commands, cwd: Path, count: Callable[[Sequence[str]], int]) -> Callable[[], Mapping[str, Sample]]:
    def run_once() -> Mapping[str, Sample]:
        sample, printed = run_command(commands, cwd)
        return {"validate": replace(sample, count=count(printed))}

    return run_once
