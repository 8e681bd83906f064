"""New specs in a project: they validate, plan and run at once, and never replace what was there."""

from __future__ import annotations

import json
import keyword
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.errors import UsageError
from flowerpower.scaffold.names import checked_name
from flowerpower.scaffold.writing import write_new

if TYPE_CHECKING:
    from flowerpower.schedule.trigger import Trigger

_DAILY = "0 6 * * *"

_PIPELINE = """\
description: Says what is left of the year. Replace it with what you need.
modules: [{module}]
outputs: [message]
inputs: {day: "${tick:%Y-%m-%d}"}
"""

_MODULE = '''\
"""What this dataflow makes, in a sentence. Every public function is a node, its parameters are what it needs."""

from datetime import date


def days_left(day: str) -> int:
    """How many days of the year follow *day*, which looks like 2026-11-22."""
    today = date.fromisoformat(day)
    return (date(today.year, 12, 31) - today).days


def message(day: str, days_left: int) -> str:
    """A sentence for people."""
    return f"On {day} the year has {days_left} more days."
'''

_TEST = """\
import {module}


def test_the_last_day_of_a_year_has_none_left() -> None:
    assert {module}.days_left("2026-12-31") == 0
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a new schedule fires: one of cron, every and at, or daily; in the project's time zone or its own."""

    cron: str | None = None
    every: str | None = None
    at: str | None = None
    timezone: str | None = None

    def trigger(self, timezone: str) -> Trigger:
        """Return the trigger in a project with that time zone; raises a FlowerPowerError when it cannot be read."""
        from flowerpower.schedule.trigger import parse_trigger
        from flowerpower.specs.suggestions import meant_duration
        from flowerpower.specs.values import parse_duration

        given = (self.cron, self.every, self.at)
        cron = _DAILY if given == (None, None, None) else self.cron
        try:
            every = None if self.every is None else parse_duration(self.every)
        except ValueError as error:
            meant = meant_duration(self.every)
            hint = f"did you mean {meant}?" if meant else "write 90s, 15m, 2h or 1d12h"
            raise UsageError(str(error), hint=hint) from error
        return parse_trigger(cron=cron, every=every, at=self.at, timezone=self.timezone or timezone)

    def lines(self) -> str:
        """Return the lines of the spec."""
        if (self.cron, self.every, self.at) == (None, None, None):
            lines = [f'cron: "{_DAILY}" # every day at six']
        else:
            lines = [] if self.cron is None else [f"cron: {json.dumps(self.cron)}"]
        others = {name: getattr(self, name) for name in ("every", "at", "timezone")}
        lines += [f"{name}: {value}" for name, value in others.items() if value is not None]
        return "".join(f"{line}\n" for line in lines)


def new_pipeline(project: Path, name: str, *, folders: Sequence[str] = ("flows",)) -> list[Path]:
    """Add a pipeline, its Hamilton module and its test to folder *project*; return their paths in it, sorted.

    The name may have folders before it, `eu/sales`; the module lies in the first of the module *folders*. Raises
    UsageError, and writes nothing, when a file or a module of that name exists already or the name is not a valid one.
    """
    module = checked_name(name, "pipeline").rpartition("/")[2].replace("-", "_")
    _refuse_known_module(project, module, folders)
    texts = {
        f"pipelines/{name}.yaml": modeline(project, "pipeline", name) + _PIPELINE,
        f"{folders[0]}/{module}.py": _MODULE,
        f"tests/test_{module}.py": _TEST,
    }
    filled = {Path(path): text.replace("{module}", module) for path, text in texts.items()}
    return write_new(project, {path: text.encode() for path, text in filled.items()})


def new_schedule(project: Path, name: str, *, pipeline: str, timing: Timing | None = None) -> list[Path]:
    """Add a schedule for *pipeline* to folder *project*; return its path in it. Raises as `new_pipeline` does."""
    head = modeline(project, "schedule", checked_name(name, "schedule"))
    text = f"{head}pipeline: {pipeline}\n{(timing or Timing()).lines()}"
    return write_new(project, {Path(f"schedules/{name}.yaml"): text.encode()})


def modeline(project: Path, kind: str, name: str) -> str:
    """Return the line that tells an editor where the schema is, if the project has one."""
    schema = f"schemas/{kind}.schema.json"
    up = "../" * (name.count("/") + 1)
    return f"# yaml-language-server: $schema={up}{schema}\n\n" if (project / schema).is_file() else ""


def _refuse_known_module(project: Path, module: str, folders: Sequence[str]) -> None:
    hint = "choose another name for the pipeline"
    for folder in folders:
        for path in (Path(folder) / f"{module}.py", Path(folder) / module / "__init__.py"):
            if (project / path).exists():
                raise UsageError(f"there is a module {module} already, in {path}", hint=hint)
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise UsageError(f"a module cannot be called {module}: Python has its own", hint=f"try {module}_flow")
    if _is_installed(module):
        raise UsageError(f"a module called {module} would hide the installed package", hint=f"try {module}_flow")


def _is_installed(module: str) -> bool:
    """Tell whether a package of that name is installed; another project's module may lie on the path too."""
    found = find_spec(module)
    return (
        found is not None and {"site-packages", "dist-packages"}.intersection(Path(found.origin or "").parts) != set()
    )
