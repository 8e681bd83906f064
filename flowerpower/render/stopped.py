"""What became of the wish to cancel a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.render.records import short_run
from flowerpower.render.style import Style, plain
from flowerpower.render.words import safe

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.stopping import Stopped

_FEW = 10


def stopped_text(done: Stopped, *, style: Style = plain) -> str:
    """Return it for people."""
    run = style(short_run(done.run), "strong")
    if done.word == "dropped":
        again = f"it waited for attempt {done.attempts + 1}, and will not run again"
        return f"{style('Cancelled', 'good')} {run}: {again if done.attempts else 'it had not started, and will not'}"
    if done.word == "over":
        return f"{run} is over already: {safe(done.status)}; left as it is"
    if done.word == "stopped":
        if done.status == "cancelled":
            return f"{style('Cancelled', 'good')} {run}: its worker stopped it"
        return f"{run} came to its end before it heard of it: {safe(done.status)}"
    worker = f" ({safe(done.worker)})" if done.worker else ""
    if done.word == "stopping":
        return f"{style('Stopping', 'warning')} {run}: its worker{worker} was told, and has not ended it yet"
    return (
        f"{style('Marked', 'warning')} {run}: its worker{worker} does not listen; "
        "it is cancelled as soon as its attempt ends, and not tried again"
    )


def dropped_text(dropped: Sequence[Stopped], *, style: Style = plain) -> str:
    """Return for people what became of runs that waited: of many only how many they were."""
    if len(dropped) <= _FEW:
        return "\n".join(stopped_text(done, style=style) for done in dropped)
    return f"{style('Cancelled', 'good')} {len(dropped):,} runs that waited: they will not run"


def stopped_dict(done: Stopped) -> dict[str, Any]:
    """Return it as JSON values."""
    return {"run": done.run, "result": done.word, "status": done.status, "worker": done.worker}
