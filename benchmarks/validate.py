"""`validate`: whole processes that check a project of spec files, cold."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from benchmarks.children import run_command
from benchmarks.context import Context, Table
from benchmarks.corpus import write_project
from benchmarks.measure import Run, Side
from benchmarks.peers import CHECKOUT
from benchmarks.samples import Sample

_NOTE = (
    "Peers check each file against its kind's JSON Schema (yamllint: style alone); flowerpower also checks cron, "
    "zones, references between files and that modules exist, by itself in each of the three environments. v8r would "
    "need minutes for 10,000 files: it gets 1,000."
)
_AGAIN_NOTE = (
    "Nothing has changed since the check before. None of the peers remembers anything; `anew` is `--no-cache`."
)
_ONE_NOTE = (
    "A hook after one edit, one that no check has seen, in a project of 100 files that was checked before: all sides "
    "get the one file. flowerpower says whether the whole project is valid, since an edit can break what refers to "
    "it: it checks what the edit concerns, and remembers the rest. `anew` remembers nothing (`--no-cache`)."
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
        sides = [
            _flowerpower(context, project, size, ["--env", "default"], name="flowerpower --env default"),
            _flowerpower(context, project, size),
            *_slow_peers(context, few, context.slow_size(size)),
        ]
        if context.peers.npm:
            sides += [*_native(context, context.peers.npm, project, size), _v8r(context, context.peers.npm, size)]
        yield context.compare(f"validate {size:,} spec files", sides, _NOTE)
        again = [_recalling(context, project, size), _flowerpower(context, project, size, name="flowerpower anew")]
        yield context.compare(f"validate {size:,} unchanged spec files again", again, _AGAIN_NOTE)
    yield context.compare("validate after one edit", list(_after_one_edit(context)), _ONE_NOTE)


def _corpus(context: Context, size: int) -> Path:
    folder = context.folder / f"corpus-{size}"
    return folder if folder.exists() else write_project(folder, schedules=size - size // 10, pipelines=size // 10)


def _flowerpower(
    context: Context, project: Path, size: int, flags: Sequence[str] = (), name: str = "flowerpower"
) -> Side:
    command = [sys.executable, "-m", "flowerpower", "validate", "--no-cache", *flags]
    return Side(name, context.version, _runner([command], project, _valid_specs), size)


def _recalling(context: Context, project: Path, size: int) -> Side:
    cache = f"FLOWERPOWER_CACHE_DIR={context.folder / 'verdicts'}"
    command = ["env", cache, sys.executable, "-m", "flowerpower", "validate"]
    time.sleep(2.1)  # files that are younger are not trusted to show a change
    run_command([command], project)
    return Side("flowerpower", context.version, _runner([command], project, _valid_specs), size)


def _after_one_edit(context: Context) -> Iterator[Side]:
    """Yield the sides; each run of each of them edits the file before, outside of what is measured."""
    project, file, schema = _corpus(context, 100), "schedules/schedule_00000.yaml", str(_schema("schedule"))
    text, numbers = (project / file).read_text(encoding="utf-8"), count(1)

    def edited(run: Run) -> Run:
        def run_once() -> Mapping[str, Sample]:
            changed = re.sub(r"(?m)^description: .*", f"description: Edit {next(numbers)}.", text)
            (project / file).write_text(changed, encoding="utf-8")
            return run()

        return run_once

    cache = f"FLOWERPOWER_CACHE_DIR={context.folder / 'edited'}"
    ours = ["env", cache, sys.executable, "-m", "flowerpower", "validate", file]
    run_command([ours], project)
    check = [[context.peers.tool("check-jsonschema"), "-vv", "-o", "json", "--schemafile", schema, file]]
    versions = context.peers.versions
    sides = [
        Side("flowerpower", context.version, _once(_runner([ours], project, _valid_specs)), 1),
        Side("flowerpower anew", context.version, _once(_runner([[*ours, "--no-cache"]], project, _valid_specs)), 1),
        Side("check-jsonschema", versions["check-jsonschema"], _runner(check, project, _checked_paths), 1),
    ]
    if npm := context.peers.npm:
        ajv = [[str(npm / "ajv"), "validate", "--strict=false", "-s", schema, "-d", file]]
        sides.append(Side("ajv-cli", versions["ajv-cli"], _runner(ajv, project, _counted(r" valid$")), 1))
    yield from (replace(side, run=edited(side.run)) for side in sides)


def _once(run: Run) -> Run:
    """Return a run that counts as the check of the one file that was edited."""
    return lambda: {phase: sample._replace(count=min(sample.count, 1)) for phase, sample in run().items()}


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


def _native(context: Context, folder: Path, project: Path, size: int) -> list[Side]:
    """Return the two that compile the schema first: one to JavaScript, one in C++."""
    ajv = [
        [str(folder / "ajv"), "validate", "--strict=false", "-s", str(_schema(kind)), "-d", f"{kind}s/*.yaml"]
        for kind in _KINDS
    ]
    jsonschema = [[str(folder / "jsonschema"), "validate", str(_schema(kind)), f"{kind}s", "--json"] for kind in _KINDS]
    name, versions = "@sourcemeta/jsonschema", context.peers.versions
    return [
        Side("ajv-cli", versions["ajv-cli"], _runner(ajv, project, _counted(r" valid$")), size),
        Side(name, versions[name], _runner(jsonschema, project, _counted(r"^  \"valid\": true$")), size),
    ]


def _v8r(context: Context, folder: Path, size: int) -> Side:
    given = ["--no-ignore", "--output-format", "json"]  # .gitignore names the folder that this is in
    commands = [[str(folder / "v8r"), f"{kind}s/*.yaml", "--schema", str(_schema(kind)), *given] for kind in _KINDS]
    least = context.slowest_size(size)
    run_once = _runner(commands, _corpus(context, least), _valid_results)
    return Side("v8r", context.peers.versions["v8r"], run_once, least, context.slow_rounds(size))


def _schema(kind: str) -> Path:
    return CHECKOUT / "schemas" / f"{kind}.schema.json"


def _checked_paths(printed: Sequence[str]) -> int:
    return sum(len(json.loads(text)["checked_paths"]) for text in printed)


def _valid_results(printed: Sequence[str]) -> int:
    return sum(result["valid"] for text in printed for result in json.loads(text)["results"])


def _counted(pattern: str) -> Callable[[Sequence[str]], int]:
    """Return how to count the lines that call a file valid."""
    return lambda printed: sum(len(re.findall(pattern, text, re.MULTILINE)) for text in printed)


def _linted(printed: Sequence[str]) -> int:
    return sum(text.count("document-start") for text in printed)


def _runner(commands: Commands, cwd: Path, count: Callable[[Sequence[str]], int]) -> Callable[[], Mapping[str, Sample]]:
    def run_once() -> Mapping[str, Sample]:
        sample, printed = run_command(commands, cwd)
        return {"validate": sample._replace(count=count(printed))}

    return run_once
