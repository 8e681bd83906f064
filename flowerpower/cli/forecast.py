"""`forecast`: what each queue has to bear in the days to come, by what is live."""

from __future__ import annotations

from typing import Annotated

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError


@command("forecast", "Show the load of queues to come.", "flowerpower forecast --days 14 --queue etl")
def forecast(
    session: Session,
    days: Annotated[int, flag("--days", env="", min=1, max=31, metavar="N", help="How far to look.")] = 7,
    queue: Annotated[
        str | None,
        flag("--queue", env="", metavar="NAME", help="This queue alone.", autocompletion=completion.queues),
    ] = None,
) -> None:
    """Show how many runs the live schedules start on each queue: the busiest minute and hours, and how long the live
    workers need.
    """
    from flowerpower.planning.forecast import Frame, forecast_live, queue_of
    from flowerpower.render.forecast import forecast_dict, forecast_text
    from flowerpower.specs.messages import did_you_mean
    from flowerpower.state.run_times import read_run_times

    with session.project() as project:
        keys, reading = project.store.keys, project.store.read()
        schedules = reading.state.schedules
        queues = {queue_of(schedule) for schedule in schedules.values()}
        if queue is not None and queue not in queues:
            hint = did_you_mean(queue, queues) or "`flowerpower forecast` shows all"
            raise UsageError(f"no live schedule uses queue {queue!r}", hint=hint)
        frame = Frame.after(reading.now, project.home.timezone, read_run_times(project.store, reading.state), days)
    loads = forecast_live(reading, keys, frame, queue)
    shown = [schedule for schedule in schedules.values() if queue in (None, queue_of(schedule))]
    silent = sum(bool(schedule.fields.get("paused")) or schedule.name in reading.holds for schedule in shown)
    session.document(forecast_dict(loads, keys.namespace, reading.now, silent))
    width = session.table_width
    session.result(forecast_text(loads, keys.namespace, reading.now, silent, width=width, style=session.style))
