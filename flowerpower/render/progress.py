"""Where a run is, on one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.render.details import last_error, last_reason
from flowerpower.render.words import bar_text, count, rough_duration, safe

if TYPE_CHECKING:
    from flowerpower.jobs.details import RunDetails


def progress_line(run: RunDetails) -> str:
    """Return where a run is: waiting and for what, or running and which of its nodes."""
    record = run.record
    spent = rough_duration(max(0, run.now - record.at)) if record.at else ""
    if record.status == "running":
        attempt = f", attempt {record.attempt}" if record.attempt > 1 else ""
        return f"Running {spent}{attempt}{_nodes(run.live, run.now)}"
    if record.status == "retrying":
        return f"Attempt {record.attempt} failed, waiting for the next one{_why(run)}"
    if record.status == "scheduled" and record.at > run.now:
        return f"Waiting for its time, in {rough_duration(record.at - run.now)}"
    workers = (
        "" if run.workers is None else f", {count(run.workers, 'live worker') if run.workers else 'no live worker'}"
    )
    return f"Queued {spent} on {safe(run.queue)}{workers}"


def _why(run: RunDetails) -> str:
    message = str(last_error(run).get("message") or last_reason(run)).partition("\n")[0]
    return f": {safe(message)}" if message else ""


def _nodes(live: Mapping[str, Any], now: int) -> str:
    done, expected = live.get("done"), live.get("expected")
    if not isinstance(done, int) or not isinstance(expected, int):
        return ""
    nodes = live.get("nodes")
    names = [str(node.get("node")) for node in nodes if isinstance(node, Mapping)] if isinstance(nodes, list) else []
    counted = f" {bar_text(done, expected)} nodes" if expected else f", {count(done, 'node')} done"
    return f"{counted}{f', now {safe(names[0])}' if names else ''}"
