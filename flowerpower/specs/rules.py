"""Checks across specs: what no single spec can know about itself, and the house rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowerpower.errors import Problem, Severity
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.specs.addresses import Told, check_addresses
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.kinds import inside
from flowerpower.specs.future import why_over
from flowerpower.specs.messages import did_you_mean, there_are
from flowerpower.specs.policies import check_policies
from flowerpower.specs.project import Project, entry
from flowerpower.specs.redis import check_redis
from flowerpower.specs.renames import check_renames
from flowerpower.specs.transfers import check_transfers
from flowerpower.specs.values import TRIGGERS
from flowerpower.specs.waits import check_waits
from flowerpower.specs.wording import SHOWN
from flowerpower.specs.zone_doubts import DOUBTS

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec, ScheduleSpec
    from flowerpower.specs.parts import ExecutorSpec

_TRIGGER_FIELDS = (*TRIGGERS, "timezone", "start", "end")
_MODULE_ENDINGS = (".py", "/__init__.py")


def check(project: Project, elsewhere: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong between the specs; *elsewhere* says of addresses why they are not in the project."""
    problems = [*_check_project(project)]
    for name, pipeline in project.pipelines.items():
        problems += _check_pipeline(project, f"pipeline.{name}", pipeline)
    for name, schedule in project.schedules.items():
        problems += _check_schedule(project, f"schedule.{name}", schedule, elsewhere)
    for name, path, what, hint in check_renames(project.schedules):
        if project.is_sound(f"schedule.{name}", "previous_names"):
            problems.append(problem(project, "FP308", (f"schedule.{name}", *path), what, hint))
    for name, path, what, hint in check_waits(project.schedules, elsewhere, project.env):
        if project.is_sound(f"schedule.{name}", "after"):
            problems.append(problem(project, "FP310", (f"schedule.{name}", *path), what, hint))
    return [*problems, *check_policies(project)]


def check_modules(project: Project, modules: Mapping[str, bytes]) -> list[Problem]:
    """Return the modules of pipelines that are not among *modules* (path in the project folder -> content)."""
    folders = [inside(folder) for folder in project.spec.modules]
    if not all(folders) or not project.is_sound("project", "modules"):  # told already, and modules may lie there
        return []
    missing = [one for one in _modules_of(project) if not _exists(one[2], folders, modules)]
    if missing and not (folders and modules):
        return [_no_modules(project, folders, missing[0][2])]
    known, where = _module_names(folders, modules) if missing else [], f"looked in {', '.join(folders)}"
    problems = []
    for name, position, module in missing:
        hint = did_you_mean(module, known) or did_you_mean(_of_file(module, folders), known) or where
        path = (f"pipeline.{name}", "modules", position)
        problems.append(problem(project, "FP305", path, f"there is no module '{module}'", hint))
    return problems


def _modules_of(project: Project) -> Iterator[tuple[str, int, str]]:
    """Yield the modules that pipelines name, with the pipeline and the position there."""
    for name, pipeline in project.pipelines.items():
        if project.is_sound(f"pipeline.{name}", "modules"):
            yield from ((name, position, module) for position, module in enumerate(pipeline.modules))


def _no_modules(project: Project, folders: Sequence[str], example: str) -> Problem:
    """Return the problem that no module is there at all: the folders are wrong, or nothing is written yet."""
    file = f"{example.removesuffix('.py').replace('.', '/')[:SHOWN]}.py"
    hint = f"list under `modules:` the folder that holds {file}"
    if not folders:
        return problem(project, "FP305", ("project", "modules"), "`modules:` names no folder to look in", hint)
    path = ("project", "modules", 0) if "modules" in project.spec.model_fields_set else ("project", "modules")
    return problem(project, "FP305", path, f"no module lies in {', '.join(folders)}", hint)


def _of_file(module: str, folders: Sequence[str]) -> str:
    """Return the name of a module that is written as the path of its file, with the folder that holds it."""
    path = f"{module.removesuffix('.py')}/".replace("\\", "/").removeprefix("./")
    if "/" not in path[:-1]:
        path = path.replace(".", "/")
    inside = next((path.removeprefix(f"{folder}/") for folder in folders if path.startswith(f"{folder}/")), path)
    return inside.strip("/").replace("/", ".")


def check_future(project: Project, now: int) -> list[Problem]:
    """Return a warning for each schedule that has no tick after *now* (epoch seconds)."""
    problems = []
    for name, schedule in project.schedules.items():
        address = f"schedule.{name}"
        if may_end(schedule) and project.is_sound(address, *_TRIGGER_FIELDS):
            with suppress(TriggerError):  # an error of its own
                trigger = parse_trigger(**schedule.trigger)
                if trigger.next_tick(now) is None:
                    path = (address, *_written_trigger(schedule))
                    problems.append(
                        problem(project, "FP304", path, why_over(schedule, trigger, now), severity="warning")
                    )
    return problems


def may_end(schedule: ScheduleSpec) -> bool:
    """Tell whether there can be a last tick; cron and every alone never end."""
    return schedule.at is not None or schedule.end is not None


def problem(
    project: Project, code: str, path: tuple[str | int, ...], what: str, hint: str = "", severity: Severity = "error"
) -> Problem:
    """Return a problem with the value at *path*, whose first step is the address of the spec."""
    return Problem(code, project.place(str(path[0]), *path[1:]), what, hint or CODES[code].advice, severity)


def _check_project(project: Project) -> Iterator[Problem]:
    if project.is_sound("project", "redis"):
        for code, path, what, hint, severity in check_redis(project.spec.redis):
            yield problem(project, code, ("project", "redis", *path), what, hint, severity)
    if project.spec.notify is not None:
        yield from _check_addresses(project, project.spec.notify, "project", "notify")
    error = _trigger_error(None, 60, None, project.spec.timezone, None, None)
    if error and project.is_sound("project", "timezone"):
        yield problem(project, "FP303", ("project", "timezone"), error.what, error.hint)
    yield from _check_zone(project, "project", project.spec.timezone)
    for position, folder in enumerate(project.spec.modules):
        if not inside(folder) and project.is_sound("project", "modules"):
            what = f"'{folder}' is no folder of the project: nobody would see what changes there"
            yield problem(project, "FP316", ("project", "modules", position), what, CODES["FP316"].advice)


def _check_zone(project: Project, address: str, zone: str) -> Iterator[Problem]:
    if zone in DOUBTS and project.is_sound(address, "timezone"):
        yield problem(project, "FP315", (address, "timezone"), *DOUBTS[zone], severity="warning")


def _check_addresses(project: Project, spec: Told, *path: str) -> Iterator[Problem]:
    for (key, position), what, hint, severity in check_addresses(spec):
        if project.is_sound(path[0], *path[1:], key):
            yield problem(project, "FP309", (*path, key, position), what, hint, severity)


def _check_pipeline(project: Project, address: str, spec: PipelineSpec) -> Iterator[Problem]:
    for code, path, what, hint in check_transfers(project.spec, spec):
        also = ("executor",) if path[0] == "cache" else (entry(str(path[0]), path[1]),) if len(path) > 1 else ()
        if project.is_sound("project", *_decides(code, path)) and project.is_sound(address, str(path[0]), *also):
            yield problem(project, code, (address, *path), what, hint)
    if project.is_sound(address, "executor"):
        yield from _check_executor(project, address, spec.executor)


def _decides(code: str, path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the fields of the project that decide whether a transfer is wrong."""
    if code == "FP351":
        return ("plugins",)
    return ("allow",) if path[-1] in ("format", "path") else ()


def _check_executor(project: Project, address: str, executor: ExecutorSpec) -> Iterator[Problem]:
    if executor.plugin is not None:
        yield from _check_executor_of_plugin(project, address, executor)
        return
    if executor.options is not None:
        what = "`options` have no effect without a `plugin`"
        yield problem(project, "FP306", (address, "executor", "options"), what)
    far = executor.type in ("dask", "ray") and executor.address is not None
    if executor.max_workers is not None and (executor.type == "local" or far):
        which = "a cluster with an `address`" if far else f"the executor `{executor.type}`"
        what = f"`max_workers` has no effect on {which}"
        yield problem(project, "FP306", (address, "executor", "max_workers"), what, "use threads or processes")
    if executor.address is not None and executor.type not in ("dask", "ray"):
        what = f"`address` has no effect on the executor `{executor.type}`"
        yield problem(project, "FP306", (address, "executor", "address"), what)


def _check_executor_of_plugin(project: Project, address: str, executor: ExecutorSpec) -> Iterator[Problem]:
    if not project.spec.plugins and project.is_sound("project", "plugins"):
        what, hint = f"there is no executor '{executor.plugin}'", "name the distribution that has it under `plugins:`"
        yield problem(project, "FP351", (address, "executor", "plugin"), what, hint)
    if "type" in executor.model_fields_set:
        what = f"`type` has no effect beside the `plugin` '{executor.plugin}'"
        yield problem(project, "FP306", (address, "executor", "type"), what, "leave one of them out")


def _check_schedule(
    project: Project, address: str, spec: ScheduleSpec, elsewhere: Mapping[str, str]
) -> Iterator[Problem]:
    yield from _check_addresses(project, spec, address)
    if spec.pipeline not in project.pipelines and project.is_sound(address, "pipeline"):
        yield from _check_missing_pipeline(project, address, spec, elsewhere.get(f"pipeline.{spec.pipeline}"))
    queues = project.spec.queues
    if queues is not None and spec.queue not in queues and _is_known(project, address, "queue", "queues"):
        hint = did_you_mean(spec.queue, queues) or there_are(queues)
        yield problem(project, "FP302", (address, "queue"), f"the queue '{spec.queue}' is not declared", hint)
    yield from _check_trigger(project, address, spec)
    if spec.timezone != project.spec.timezone:  # of that it is said once
        yield from _check_zone(project, address, spec.timezone)


def _is_known(project: Project, address: str, field: str, declared: str) -> bool:
    """Tell whether both a field of a spec and that of the project which declares its values are as written."""
    return project.is_sound(address, field) and project.is_sound("project", declared)


def _check_missing_pipeline(project: Project, address: str, spec: ScheduleSpec, why: str | None) -> Iterator[Problem]:
    if why is None:
        some = ", ".join(sorted(project.pipelines)[:5])
        hint = did_you_mean(spec.pipeline, project.pipelines) or (f"for instance {some}" if some else "add it")
        what = f"there is no pipeline '{spec.pipeline}'"
        yield problem(project, "FP301", (address, "pipeline"), what, hint)
    elif why.startswith("is left out"):
        hint = f"leave the schedule out too: `environments: {{{project.env}: null}}`"
        yield problem(project, "FP301", (address, "pipeline"), f"the pipeline '{spec.pipeline}' {why}", hint)


def _check_trigger(project: Project, address: str, spec: ScheduleSpec) -> Iterator[Problem]:
    if _trigger_error(spec.cron, spec.every, spec.at, spec.timezone, spec.start, spec.end) is None:
        if spec.jitter and (error := _jitter_error(spec.cron, spec.every, spec.jitter)):
            yield problem(project, "FP303", (address, "jitter"), error.what, error.hint)
        return
    good: dict[str, Any] = {"timezone": "UTC", "start": None, "end": None}
    for name in good:  # each by itself, and the trigger with those that are right
        error = _trigger_error(None, 60, None, **{**good, name: getattr(spec, name)})
        if error is None:
            good[name] = getattr(spec, name)
        elif name != "timezone" or spec.timezone != project.spec.timezone:  # said once, of the project
            yield problem(project, "FP303", (address, name), error.what, error.hint)
    error = _trigger_error(spec.cron, spec.every, spec.at, **good)
    if error is not None:
        yield problem(project, "FP303", (address, *_written_trigger(spec)), error.what, error.hint)


@lru_cache(maxsize=4096)
def _trigger_error(
    cron: str | None, every: int | None, at: str | None, timezone: str, start: str | None, end: str | None
) -> TriggerError | None:
    try:
        parse_trigger(cron=cron, every=every, at=at, timezone=timezone, start=start, end=end)
    except TriggerError as error:
        return error
    return None


@lru_cache(maxsize=4096)
def _jitter_error(cron: str | None, every: int | None, jitter: int) -> TriggerError | None:
    try:
        parse_trigger(cron=cron, every=every, at=None if cron or every else "2026-01-01", jitter=jitter)
    except TriggerError as error:
        return error
    return None


def _written_trigger(spec: ScheduleSpec) -> tuple[str, ...]:
    return ("cron" if spec.cron is not None else "every" if spec.every is not None else "at",)


def _exists(module: str, folders: list[str], files: Mapping[str, bytes]) -> bool:
    path = module.replace(".", "/")
    starts = ["" if folder == "." else f"{folder}/" for folder in folders]
    return any(f"{start}{path}{ending}" in files for start in starts for ending in _MODULE_ENDINGS)


def _module_names(folders: list[str], files: Mapping[str, bytes]) -> list[str]:
    names = []
    for file in files:
        for folder in folders:
            start = "" if folder == "." else f"{folder}/"
            if file.startswith(start):
                name = file.removeprefix(start).removesuffix(".py").removesuffix("/__init__")
                names.append(name.replace("/", "."))
    return names
