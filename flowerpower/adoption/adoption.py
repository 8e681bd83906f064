"""From what was found to the files of a project: a schedule each, and a pipeline and a module for each function.

Pure: what is there already comes in as a `Site`, what is to be written goes out as texts. Nothing that is there is
ever changed, and what was adopted once is not adopted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flowerpower.adoption.found import Call, Found, Limits, Unread
from flowerpower.adoption.modules import module_text
from flowerpower.adoption.names import Names, function_name, moment_name, name_of
from flowerpower.adoption.steps import HandOver, comments
from flowerpower.adoption.timing import NoTimingError, Timing, timing_of
from flowerpower.adoption.values import without_arguments
from flowerpower.proposed import at_redis
from flowerpower.render.specs import spec_yaml
from flowerpower.specs.values import LONGEST_DURATION, is_name
from flowerpower.state.models import Json

FROM_LABEL, FUNCTION_LABEL = "adopted-from", "adopted-function"
_RQ_TIMEOUT = 180  # what RQ itself takes where a job says nothing
_RQ_CRON_RESULT_TTL = 500  # what RQ's cron writes where its file says nothing
_MOST_RETRIES = 100


@dataclass(frozen=True, slots=True)
class Site:
    """The project that adopts: what is there, and how it wants it."""

    schedules: frozenset[str] = frozenset()  # names that are taken
    pipelines: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    functions: Mapping[str, str] = field(default_factory=dict)  # adopted before -> the pipeline that calls it
    folder: str = "flows"
    queues: tuple[str, ...] | None = None  # those that the project declares
    zones: tuple[str, ...] = ("UTC",)  # where the old hosts may be, the likeliest first
    rq_prefix: str = "rq"
    place: str = ""  # of Redis, without secrets
    modelines: Mapping[str, str] = field(default_factory=dict)  # by kind
    with_arguments: bool = True


@dataclass(frozen=True, slots=True)
class Adopted:
    """One thing that was found, and the schedule that it becomes."""

    found: Found
    schedule: str
    pipeline: str
    timing: Timing
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """Everything that becomes a schedule, everything that does not, and the new files: path -> text."""

    adopted: tuple[Adopted, ...] = ()
    unread: tuple[Unread, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def adopt_all(found: Iterable[Found], site: Site, now: int) -> Adoption:
    """Return what becomes of everything that was found."""
    work = _Work(site)
    for one in found:
        work.add(one, now)
    return Adoption(tuple(work.adopted), tuple(work.unread), work.files)


class _Work:
    """One run of `adopt_all`: names are given and texts are made one after the other."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.adopted: list[Adopted] = []
        self.unread: list[Unread] = []
        self.files: dict[str, str] = {}
        self._schedules, self._pipelines = Names(site.schedules), Names({*site.pipelines, *_modules(site.modules)})
        self._functions = dict(site.functions)

    def add(self, one: Found, now: int) -> None:
        """Make a schedule of one thing, and what it needs."""
        try:
            timing = timing_of(one, now, self.site.zones)
        except NoTimingError as error:
            self.unread.append(Unread(one.tool, one.id, str(error)))
            return
        if not self.site.with_arguments:
            one = replace(one, call=without_arguments(one.call))
        pipeline, own_files = self._pipeline(one.call)
        name = self._schedules.take(_schedule_name(one, timing))
        values, notes = _schedule_values(one, pipeline, timing, self.site.queues)
        over = HandOver(name, own_files, (*notes, *timing.remarks), self.site.rq_prefix)
        head = self.site.modelines.get("schedule", "") + at_redis(comments(one, over), self.site.place)
        self.files[f"schedules/{name}.yaml"] = head + spec_yaml(values)
        self.adopted.append(Adopted(one, name, pipeline, timing, notes))

    def _pipeline(self, call: Call) -> tuple[str, tuple[str, ...]]:
        """Return the pipeline that calls the function, made now unless there is one, and the files to review."""
        name = self._functions.get(call.function)
        if name is None:
            name = self._functions[call.function] = self._pipelines.take(function_name(call.function))
            module = _module(name)
            values: dict[str, Json] = {
                "description": f"Calls {call.function}, which RQ ran before.",
                "modules": [module],
                "outputs": ["result"],
                "labels": {FUNCTION_LABEL: call.function},
            }
            self.files[f"pipelines/{name}.yaml"] = self.site.modelines.get("pipeline", "") + spec_yaml(values)
            self.files[_in(self.site.folder, f"{module}.py")] = module_text(call.function)
        return name, (f"pipelines/{name}.yaml", _in(self.site.folder, f"{_module(name)}.py"))


def _schedule_name(found: Found, timing: Timing) -> str:
    name = name_of(found.title) if found.title else function_name(found.call.function)
    return moment_name(name, found.due) if "at" in timing.fields and found.due is not None else name


def _schedule_values(
    found: Found, pipeline: str, timing: Timing, queues: Sequence[str] | None
) -> tuple[dict[str, Json], tuple[str, ...]]:
    queue, queue_notes = _queue(found.queue, queues)
    limits, limit_notes = _limits(found)
    values: dict[str, Json] = {"pipeline": pipeline, "paused": True, **timing.fields, "queue": queue}
    if "at" not in timing.fields:
        values["overlap"] = "allow"  # as RQ does it
    call = found.call
    inputs: dict[str, Json] = {"args": list(call.args), "kwargs": dict(call.kwargs)}
    values |= {"inputs": _literal(inputs), **limits, "labels": {FROM_LABEL: found.mark}}
    twice = (
        (f"{len(found.runners)} processes run it, so it fires {len(found.runners)} times there; here it fires once",)
        if len(found.runners) > 1
        else ()
    )
    left_out = (f"not carried over: {', '.join(found.left_out)}",) if found.left_out else ()
    return values, (*timing.notes, *call.to_fill_in, *left_out, *queue_notes, *limit_notes, *twice)


def _limits(found: Found) -> tuple[dict[str, Json], tuple[str, ...]]:
    limits, notes = found.limits, []
    values: dict[str, Json] = {"timeout": _RQ_TIMEOUT if not limits.timeout else _seconds(limits.timeout)}
    if limits.timeout is not None and limits.timeout < 0:
        notes.append("the old one has no timeout; here it is the longest")
    if limits.retries > 0:
        values["retry"] = _retry(limits)
    if limits.result_ttl is not None and (found.tool, limits.result_ttl) != ("rq-cron", _RQ_CRON_RESULT_TTL):
        values["result_ttl"] = _seconds(limits.result_ttl)
    if limits.failure_ttl is not None:
        values["failure_ttl"] = _seconds(limits.failure_ttl)
    if limits.ttl is not None and limits.ttl > 0:
        values["start_deadline"] = _seconds(limits.ttl)
    return values, tuple(notes)


def _retry(limits: Limits) -> dict[str, Json]:
    """Return the retries: where there are more of them than waits, RQ repeats the first wait, and we the last one."""
    most = min(limits.retries, _MOST_RETRIES)
    waits = [_seconds(max(0, wait)) for wait in limits.retry_intervals[-most:]]
    waits = [*waits[:1] * (most - len(waits)), *waits] if any(waits) else []
    while len(waits) > 1 and waits[-1] == waits[-2]:
        waits.pop()
    intervals: list[Json] = list(waits)
    return {"max": most, "intervals": intervals} if waits else {"max": most}


def _seconds(value: int) -> int:
    """Return seconds as a spec takes them; RQ's -1 means for ever."""
    return LONGEST_DURATION if value < 0 else min(value, LONGEST_DURATION)


def _queue(queue: str, declared: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    named = queue if is_name(queue) else name_of(queue)
    notes = () if named == queue else (f"the queue {queue!r} is called {named} here",)
    if declared is None or named in declared or not declared:
        return named, notes
    chosen = "default" if "default" in declared else declared[0]
    return chosen, (f"the queue {queue!r} is not among the project's queues: {chosen} stands in for it",)


def _literal(value: Json) -> Json:
    """Return a value with nothing in it that looks like a placeholder."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return {key: _literal(item) for key, item in value.items()} if isinstance(value, dict) else value


def _module(pipeline: str) -> str:
    return f"adopted_{pipeline.replace('-', '_')}"


def _modules(modules: Iterable[str]) -> Iterable[str]:
    """Yield the names of pipelines whose module would be one of these."""
    return (module.removeprefix("adopted_") for module in modules if module.startswith("adopted_"))


def _in(folder: str, file: str) -> str:
    return file if folder in ("", ".") else f"{folder.rstrip('/')}/{file}"
