"""`drift`: what was changed in Redis behind git's back. Writes nothing."""

from __future__ import annotations

from flowerpower.cli.options import Revision, command
from flowerpower.cli.session import Session

DRIFTED = 2


@command("drift", "Show what was changed in Redis behind git's back.", "flowerpower drift --env prod")
def drift(session: Session, revision: Revision) -> int:
    """Show what was changed in Redis behind git's back, and what the next apply puts back. Writes nothing.

    Exits 2 when there is drift, 0 when there is none. Changes in git that wait for an apply are no drift: see `plan`.
    """
    from flowerpower.planning.drift import only_drift
    from flowerpower.render.drift import drift_dict_of, drift_text

    with session.project() as project:
        found = only_drift(project.plan().plan)
    session.document(drift_dict_of(found))
    session.result(drift_text(found, width=session.width, style=session.style))
    return DRIFTED if found.changes else 0
