"""`forget`: stop managing live schedules from git, and leave them running."""

from __future__ import annotations

from flowerpower.cli.holds import LiveSchedules
from flowerpower.cli.options import command
from flowerpower.cli.session import Session


@command("forget", "Stop managing live schedules.", "flowerpower forget nightly_sales --env prod")
def forget(
    session: Session,
    names: LiveSchedules,
) -> None:
    """Stop managing live schedules from git: they go on firing as they are, and plans leave them alone.

    Remove their files, too: a spec of that name takes the schedule back with the next apply.
    """
    from flowerpower.render.words import count, listed, safe

    with session.project() as project:
        done = project.jobs.forget(*names)
        namespace = project.keys.namespace
    session.document(
        {
            "format_version": "1.0",
            "namespace": namespace,
            "forgotten": list(done.names),
            "already": list(done.already),
        }
    )
    if done.names:
        session.result(f"Forgot {count(len(done.names), 'schedule')}: {safe(listed(done.names))}")
        one = len(done.names) == 1
        fires, takes = ("it fires on as it is", "it") if one else ("they fire on as they are", "one")
        session.talk(f"  {fires}; a spec of that name takes {takes} back with the next apply")
    if done.already:
        session.result(f"Forgotten before: {safe(listed(done.already))}")
