"""`doctor`: what is wrong here, and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.cli.options import command
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import prints_to_stderr
from flowerpower.errors import ProjectNotFoundError
from flowerpower.proposed import at_redis

if TYPE_CHECKING:
    from flowerpower.doctor.findings import Finding


@command("doctor", "Say what is wrong here, and what to do.", "flowerpower doctor --env prod")
def doctor(session: Session) -> int:
    """Look at Redis, what is live, git, the specs, plug-ins and this machine, worst first. Changes nothing.

    Exits 1 when something fails. What this Redis user may not ask is unknown, not a failure.
    """
    from flowerpower.doctor.examine import examine
    from flowerpower.render.doctor import doctor_dict, doctor_text

    with prints_to_stderr(active=session.json):  # a plug-in may print when it is loaded
        try:
            with session.project() as project:
                found = examine(session.settings, project)
        except ProjectNotFoundError:
            if session.settings.project != Path() or session.settings.url:
                raise
            found = examine(session.settings, None)

    found = replace(found, findings=tuple(_to_paste(session, one, found.place) for one in found.findings))
    session.document(doctor_dict(found))
    session.result(doctor_text(found, width=session.width, style=session.style))
    return 0 if found.is_well else 1


def _to_paste(session: Session, finding: Finding, place: str) -> Finding:
    """Return a finding with the flags of this command, and the Redis at *place*, in the commands that it proposes."""
    message, hint = (at_redis(session.proposing(text), place) for text in (finding.message, finding.hint))
    return replace(finding, message=message, hint=hint)
