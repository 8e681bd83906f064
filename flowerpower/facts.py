"""What guards must know beside the plan: what git says of the commit, and what the last apply asked for."""

from __future__ import annotations

from pathlib import Path

from flowerpower.errors import Problem
from flowerpower.planning.guards import Facts
from flowerpower.revision import Revision, descends
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.policies import as_record, check_applied
from flowerpower.specs.project import Project
from flowerpower.specs.silence import silence
from flowerpower.state.models import Head


def facts_of(
    folder: Path, revision: Revision, head: Head, project: Project, sources: Sources, *, wary: bool = False
) -> Facts:
    """Return the facts for a plan of *project*, read from *folder* at *revision*, against what *head* says is live."""
    live = head.commit.removesuffix("+dirty")
    comparable = revision.in_git and live and not live.startswith("tree:")
    limit = project.spec.guards.max_deletes
    return Facts(
        in_git=revision.in_git,
        dirty=revision.dirty if revision.in_git else None,
        descends=descends(folder, revision.commit, live, wary=wary) if comparable else None,
        max_deletes=None if limit is None else str(limit),
        violations=_violations(head.rules.policies, project, sources),
        absent=tuple(path for path in revision.absent if kind_of_file(path)),
    )


def _violations(applied: str, project: Project, sources: Sources) -> tuple[Problem, ...] | None:
    """Return where the specs break the enforced house rules of the last apply; None if those cannot be read."""
    if applied in ("", as_record(project.spec.policies.enforce)):  # what the specs enforce is checked already
        return ()
    found = check_applied(project, applied)
    return None if found is None else tuple(silence(found, sources.texts))
