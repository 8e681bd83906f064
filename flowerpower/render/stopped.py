"""What became of the wish to cancel a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowerpower.render.records import short_run
from flowerpower.render.style import Style, plain
from flowerpower.render.words import safe

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.stopping import Stopped


def stopped_text(done: Stopped, *, style: Style = plain) -> str:
    """Return it for people."""
    run = style(short_run(done.run), "strong")
    if done.word == "dropped":
        return f"{style('Cancelled', 'good')} {run}: it had not started, and will not"
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


def stopped_dict(done: Stopped) -> dict[str, Any]:
    """Return it as JSON values."""
    return {"run": done.run, "result": done.word, "status": done.status, "worker": done.worker}
