"""House rules: `policies.enforce` refuses, `policies.warn` warns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowerpower.durations import duration_text
from flowerpower.errors import Problem, Severity
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.specs.codes import CODES
from flowerpower.specs.project import BROKEN, Project, unsure
from flowerpower.specs.values import TRIGGERS

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec, ScheduleSpec
    from flowerpower.specs.project_spec import RulesSpec

_SOME_MONDAY = 1767571200  # 2026-01-05: where a cron's ticks are looked at
_TICKS_LOOKED_AT = 100
_LISTING = frozenset(",-*/")


def check_policies(project: Project) -> Iterator[Problem]:
    """Yield each violation of a house rule, with the name of the rule."""
    policies = project.spec.policies
    for word, rules, severity in (("enforce", policies.enforce, "error"), ("warn", policies.warn, "warning")):
        if rules.model_fields_set:
            yield from _Policy(project, rules, f"policies.{word}", severity).violations()  # type: ignore[arg-type]


def as_record(rules: RulesSpec) -> str:
    """Return house rules as the JSON that an apply records."""
    return json.dumps(rules.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))


def check_applied(project: Project, rules: str) -> list[Problem] | None:
    """Return the violations of house rules that an apply recorded as JSON, each with its address; None if unreadable.

    They are in force until the next apply, also where the project's own rules are looser by now.
    """
    from pydantic_core import ValidationError

    from flowerpower.specs.project_spec import RulesSpec

    try:
        enforced = RulesSpec.model_validate_json(rules)
    except ValidationError:
        return None
    return list(_Policy(project, enforced, "policies.enforce", "error", says_address=True).violations())


class _Policy:
    def __init__(
        self, project: Project, rules: RulesSpec, name: str, severity: Severity, *, says_address: bool = False
    ) -> None:
        self._project, self._rules, self._name, self._severity = project, rules, name, severity
        self._says_address = says_address
        self._fast: dict[tuple[object, ...], int | None] = {}

    def violations(self) -> Iterator[Problem]:
        for name, pipeline in self._project.pipelines.items():
            yield from self._timeout(f"pipeline.{name}", pipeline)
            yield from self._required(f"pipeline.{name}", pipeline, None)
        for name, schedule in self._project.schedules.items():
            address = f"schedule.{name}"
            yield from self._timeout(address, schedule)
            yield from self._required(address, schedule, self._project.pipelines.get(schedule.pipeline))
            yield from self._queue(address, schedule)
            yield from self._interval(address, schedule)

    def _problem(self, code: str, address: str, field: str, what: str) -> Problem:
        rule = CODES[code].title.removeprefix("policy ")
        place = self._project.place(address, field)
        what = f"{address}: {what}" if self._says_address else what
        return Problem(code, place, what, f"the rule is `{self._name}.{rule}`", self._severity)

    def _timeout(self, address: str, spec: PipelineSpec | ScheduleSpec) -> Iterator[Problem]:
        longest, timeout = self._rules.max_timeout, spec.timeout
        if longest is None or timeout is None or timeout <= longest:
            return
        if self._project.is_sound(address, "timeout"):
            which = "a" if "timeout" in spec.model_fields_set else "the default"
            what = f"{which} timeout of {duration_text(timeout)} is longer than {duration_text(longest)}"
            yield self._problem("FP313", address, "timeout", what)

    def _queue(self, address: str, schedule: ScheduleSpec) -> Iterator[Problem]:
        allowed = self._rules.allowed_queues
        if allowed is not None and schedule.queue not in allowed and self._project.is_sound(address, "queue"):
            what = f"the queue '{schedule.queue}' is not among {', '.join(allowed) or 'none'}"
            yield self._problem("FP312", address, "queue", what)

    def _required(
        self, address: str, spec: PipelineSpec | ScheduleSpec, pipeline: PipelineSpec | None
    ) -> Iterator[Problem]:
        for field in self._rules.require:
            if field not in type(spec).model_fields or any(_has(holder, field) for holder in (spec, pipeline)):
                continue
            if self._is_known(address, field):
                yield self._problem("FP314", address, field, f"it has no `{field}`")

    def _is_known(self, address: str, field: str) -> bool:
        """Tell whether a field of a spec is as it was written, and for a schedule that of its pipeline, too."""
        doubts = (field, unsure(field), BROKEN)
        kind, _, name = address.partition(".")
        if kind == "schedule":
            pipeline = self._project.schedules[name].pipeline
            if pipeline not in self._project.pipelines or not self._project.is_sound(
                f"pipeline.{pipeline}", field, BROKEN
            ):
                return False
        return self._project.is_sound(address, *doubts)

    def _interval(self, address: str, schedule: ScheduleSpec) -> Iterator[Problem]:
        shortest = self._rules.min_interval
        if shortest is None or not self._project.is_sound(address, *TRIGGERS):
            return
        if schedule.every is not None:
            gap: int | None = schedule.every if schedule.every < shortest else None
        elif schedule.cron is not None and _least_gap(schedule.cron) < shortest:
            key = (schedule.cron, schedule.timezone)
            if key not in self._fast:
                self._fast[key] = _gap_below(*key, shortest)
            gap = self._fast[key]
        else:
            return
        if gap is not None:
            field = "cron" if schedule.every is None else "every"
            what = f"it fires {duration_text(gap)} apart, less than {duration_text(shortest)}"
            yield self._problem("FP311", address, field, what)


def _has(spec: PipelineSpec | ScheduleSpec | None, field: str) -> bool:
    if spec is None:
        return False
    if field in ("timeout", "retry", "start_deadline"):
        return field in spec.model_fields_set
    return bool(getattr(spec, field, None))


def _least_gap(cron: str) -> int:
    """Return a gap in seconds that the expression cannot go below, from its shape alone."""
    fields = cron.split()
    if len(fields) != 5:
        return 3600 if cron.startswith("@") else 1
    return 60 if _LISTING & set(fields[0]) else 3600


def _gap_below(cron: str, timezone: str, shortest: int) -> int | None:
    """Return a gap between two ticks that is shorter than *shortest* seconds, or None."""
    try:
        trigger = parse_trigger(cron=cron, timezone=timezone)
    except TriggerError:
        return None
    tick = trigger.next_tick(_SOME_MONDAY)
    for _ in range(_TICKS_LOOKED_AT):
        following = None if tick is None else trigger.next_tick(tick)
        if tick is None or following is None:
            return None
        if following - tick < shortest:
            return following - tick
        tick = following
    return None
