"""Where a schema and flowerpower disagree about a file, on purpose: each rule with an example, and how to recognise it.

A schema sees one file, before defaults, patches and variables, and knows no calendar. `schema_gaps` is what it lets
pass; `schema_extras` the few things that it marks although flowerpower takes them. Any other disagreement is a defect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.errors import Problem
from flowerpower.specs.values import TRIGGERS, looks_like_moment

SchemaPath = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule that the models or later checks keep and a schema does not, with a spec that only the schema accepts."""

    rule: str
    kind: str
    example: Mapping[str, Any]
    code: str  # what flowerpower reports; a regular expression
    what: str = ""  # the same of its text

    def explains(self, problem: Problem, variables: Mapping[str, str]) -> bool:
        """Tell whether a problem of a file that its schema accepts is this gap."""
        return re.fullmatch(self.code, problem.code) is not None and re.search(self.what, problem.what) is not None


@dataclass(frozen=True, slots=True)
class NoSuchDate(Gap):
    """The gap of a date that is written as one and does not exist."""

    def explains(self, problem: Problem, variables: Mapping[str, str]) -> bool:
        """Tell whether a problem is about a text that looks like a date."""
        shown = re.findall(r"'([^']*)'", problem.what)
        return Gap.explains(self, problem, variables) and any(map(looks_like_moment, shown))


@dataclass(frozen=True, slots=True)
class FilledIn(Gap):
    """The gap of a variable: what is filled in may be wrong."""

    def explains(self, problem: Problem, variables: Mapping[str, str]) -> bool:
        """Tell whether a problem is about the value of one of the variables."""
        return Gap.explains(self, problem, variables) and any(value in problem.what for value in variables.values())


@dataclass(frozen=True, slots=True)
class NamedByFile(Gap):
    """The gap of a file whose own name is not a valid one."""

    def explains(self, problem: Problem, variables: Mapping[str, str]) -> bool:
        """Tell whether a problem is about the name of its file."""
        stem = problem.place.file.rpartition("/")[2].rpartition(".")[0]
        return Gap.explains(self, problem, variables) and problem.what.startswith(f"'{stem}'")


@dataclass(frozen=True, slots=True)
class Extra:
    """What a schema marks although flowerpower takes the file."""

    rule: str
    kind: str
    example: Mapping[str, Any]
    defaults: Mapping[str, Any]  # of the project, under the example

    def explains(self, document: Mapping[str, Any], path: SchemaPath, value: object) -> bool:
        """Tell whether what a schema marks at a path of a document is this."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RemovedDefault(Extra):
    """A null takes away what `defaults:` gives; it is far more often a value that was forgotten."""

    def explains(self, document: Mapping[str, Any], path: SchemaPath, value: object) -> bool:
        """Tell whether the value is null, and not in a layer, where a null is right."""
        return value is None and not {"environments", "defaults"} & set(path)


@dataclass(frozen=True, slots=True)
class UnusedDefault(Extra):
    """A wrong default that lies under no spec, because each has a value of its own."""

    def explains(self, document: Mapping[str, Any], path: SchemaPath, value: object) -> bool:
        """Tell whether the place is in the defaults."""
        return "defaults" in path


@dataclass(frozen=True, slots=True)
class ReplacedValue(Extra):
    """A wrong value that the patch of every environment replaces."""

    def explains(self, document: Mapping[str, Any], path: SchemaPath, value: object) -> bool:
        """Tell whether a patch has a value for the same key."""
        patches = [patch for patch in document.get("environments", {}).values() if isinstance(patch, dict)]
        keys = {key for patch in patches for key in patch}
        key = path[0] if path else ""
        return key in keys or (key in TRIGGERS and bool(keys & set(TRIGGERS)))


_SCHEDULE: Mapping[str, Any] = {"name": "nightly", "pipeline": "sales", "cron": "0 2 * * *"}
_PIPELINE: Mapping[str, Any] = {"name": "sales", "modules": ["sales"], "outputs": ["report"]}
_PROJECT: Mapping[str, Any] = {"name": "acme"}

_MERGED = r"'(pipeline|modules|outputs|max|format|path)'"  # keys of mappings that lie over others

schema_gaps: tuple[Gap, ...] = (
    Gap("a missing key may come from the defaults", "schedule", {"cron": "@daily"}, "FP102", _MERGED),
    Gap("a missing trigger may come from the defaults", "schedule", {"pipeline": "sales"}, "FP109", "neither"),
    Gap(
        "a patch for an environment leaves a trigger",
        "schedule",
        {**_SCHEDULE, "environments": {"default": {"cron": None}}},
        "FP109",
        "removes",
    ),
    Gap(
        "a null among the defaults needs a value above it",
        "project",
        {**_PROJECT, "defaults": {"pipeline": {"owner": None}}},
        "FP112",
    ),
    Gap("a duration is at most 3650 days", "schedule", {**_SCHEDULE, "jitter": "4000d"}, "FP106", "3650 days"),
    NoSuchDate("a date exists", "schedule", {**_SCHEDULE, "start": "2026-02-30"}, "FP107"),
    Gap("a text is not endless", "pipeline", {**_PIPELINE, "owner": "x" * 10_001}, "FP108", "longer than"),
    Gap(
        "a whole number is written without a fraction",
        "schedule",
        {**_SCHEDULE, "buffer_limit": 5.0},
        "FP10[36]",
        r"the number \d+\.0($| is n)|^\d+\.0 is n|a whole number, found something else$",
    ),
    FilledIn("a variable is filled in first", "schedule", {**_SCHEDULE, "timeout": "${var:WRONG}"}, "FP10[3-8]"),
    Gap(
        "a variable of Redis is filled in first, and never shown",
        "project",
        {**_PROJECT, "redis": "${var:WRONG}"},
        "FP103",
        "`redis` is neither",
    ),
    Gap(
        "the parts of a connection fit together",
        "project",
        {**_PROJECT, "redis": {"sentinels": ["sentinel-1.example:26379"]}},
        "FP102|FP103|FP306",
        "Sentinel|`redis[.`]|`url`|`tls_",
    ),
    Gap("a variable is set", "schedule", {**_SCHEDULE, "timeout": "${var:UNSET}"}, "FP202"),
    Gap("a placeholder stands where it may", "schedule", {**_SCHEDULE, "owner": "${secret:OWNER}"}, "FP203"),
    Gap("a placeholder is well written", "schedule", {**_SCHEDULE, "inputs": {"day": "${tock}"}}, "FP204"),
    Gap("an environment is the project's", "schedule", {**_SCHEDULE, "environments": {"test": {}}}, "FP201"),
    Gap("files fit together", "schedule", {**_SCHEDULE, "pipeline": "sails"}, "FP3..|FP11[01]|FP009"),
    NamedByFile("a name may come from the file", "pipeline", {"modules": ["sales"], "outputs": ["report"]}, "FP105"),
)
"""What a schema accepts and flowerpower refuses."""

schema_extras: tuple[Extra, ...] = (
    RemovedDefault("a null is marked, also over a default", "pipeline", {**_PIPELINE, "owner": None}, {"owner": "me"}),
    UnusedDefault(
        "a default is marked, also under no spec",
        "project",
        {**_PROJECT, "defaults": {"schedule": {"start": "soon"}}},
        {},
    ),
    ReplacedValue(
        "a value is marked, also under a patch",
        "pipeline",
        {
            **_PIPELINE,
            "timeout": "soon",
            "environments": {name: {"timeout": "1h"} for name in ("default", "prod", "staging")},
        },
        {},
    ),
)
"""What a schema refuses and flowerpower accepts."""
