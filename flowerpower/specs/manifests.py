"""Files of other tools that lie where specs do, as a CronJob of Kubernetes, and the schedules that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flowerpower.specs.suggestions import meant_cron, meant_duration
from flowerpower.specs.synonyms import meant_value
from flowerpower.specs.wording import flow

_CRONS = frozenset(("cron", "cron_schedule", "expression", "schedule", "schedule_interval", "schedules"))
_ZONES = frozenset(("timeZone", "timezone", "tz"))
_PARALLEL = ("allow", "cancel_other", "skip")
_STEPS = frozenset(("steps", "runs-on", "uses"))
_OF_DAGS = frozenset(("dag_id", "default_args", "schedule", "schedule_interval"))
_OF_DBT = frozenset(("exposures", "macros", "metrics", "models", "seeds", "semantic_models", "snapshots", "sources"))
_DEEPEST = 8


class Manifest(NamedTuple):
    """What a mapping is for another tool, and the key that tells."""

    key: str = ""
    what: str = ""


def manifest(data: Mapping[str, Any]) -> Manifest:
    """Return what a mapping is for another tool; two empty texts if nothing is known of that."""
    if isinstance(data.get("apiVersion"), str) and isinstance(data.get("kind"), str):
        article = "an" if data["kind"][:1] in "AEIOU" else "a"
        return Manifest("apiVersion", f"this is {article} {data['kind'][:40]} of Kubernetes")
    if any(_STEPS & job.keys() for job in _mappings_in(data.get("jobs"))):
        return Manifest("jobs", "this is a workflow of GitHub")
    if any(not service.keys().isdisjoint(("image", "build")) for service in _mappings_in(data.get("services"))):
        return Manifest("services", "this is a file of Docker Compose")
    if any("entrypoint" in one for one in _mappings_in(data.get("deployments"))):
        return Manifest("deployments", "this is a file of Prefect")
    return _of_data_tools(data)


def _of_data_tools(data: Mapping[str, Any]) -> Manifest:
    if str(data.get("version")) in ("1", "2") and (of_dbt := next((key for key in data if key in _OF_DBT), "")):
        return Manifest(of_dbt, "this is a file of dbt")
    for key, inner in (("tasks", data), *((key, value) for key, value in data.items() if isinstance(value, dict))):
        if isinstance(inner.get("tasks"), (dict, list)) and not _OF_DAGS.isdisjoint(inner):
            return Manifest(key, "this is a DAG of Airflow")
    return Manifest()


def in_its_place(data: Mapping[str, Any], folder: str) -> str:
    """Return what to do about a file of another tool in the *folder* of a kind of specs."""
    written = [*_schedule_of(data)]
    if not written or folder != "schedules":
        return f"move it out of `{folder}/`: all files there are specs" if folder else "move it elsewhere"
    *lines, last = (f"`{line}`" for line in ("pipeline: NAME", *written))
    return f"write {', '.join(lines)} and {last} in its place"


def _schedule_of(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the schedule that another tool was told; none if it was told no time."""
    found = dict[str, str]()
    for key, value in _leaves({key: value for key, value in data.items() if key not in _ZONES}):
        if key in _CRONS and (time := meant_cron(value) or _every(value)):
            found.setdefault("time", time)
        elif key in _ZONES and isinstance(value, str):
            found.setdefault("zone", f"timezone: {value[:60]}")
        elif key == "concurrencyPolicy" and (overlap := meant_value(str(value), _PARALLEL) or "allow"):
            found.setdefault("overlap", f"overlap: {overlap}")
        elif key == "suspend" and value is True:
            found.setdefault("paused", "paused: true")
    if "time" in found:
        yield from (found[part] for part in ("time", "zone", "overlap", "paused") if part in found)


def _every(value: object) -> str:
    duration = meant_duration(value)
    return f"every: {flow(duration)}" if duration else ""


def _leaves(value: object, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what is no collection, with the key that it stands under."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key, depth + 1)
    else:
        yield key, value


def _mappings_in(value: object) -> Iterator[Mapping[str, Any]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from (one for one in inner if isinstance(one, dict))
