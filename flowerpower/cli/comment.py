"""`comment` and `approved`: what a CI job tells a pull request, and what it asks of the one that was merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.planfiles import read_plan, write_whole
from flowerpower.cli.session import Session
from flowerpower.errors import ProjectNotFoundError, SpecError, UsageError

if TYPE_CHECKING:
    from flowerpower.hosting.host import CodeHost, Kept
    from flowerpower.hosting.sticky import Comment, Step

_COMMIT = "FLOWERPOWER_APPROVED_COMMIT"  # without the middle word it says which code an image holds
_UNAPPROVED = (
    "apply it by hand; or, if such commits shall be applied: --if-any, and apply without --approved when no file was "
    "written; the action for GitHub does that with `direct-push: apply`"
)


@dataclass(frozen=True)
class Place:
    """The flags that say where the comment is."""

    pull_request: Annotated[
        int | None, flag("--pull-request", help="Its number, where the job does not tell.", metavar="N")
    ] = None
    head: Annotated[
        str | None,
        flag("--head", help="The commit that was planned; no plan of a newer one is written over.", metavar="COMMIT"),
    ] = None
    author: Annotated[
        str | None, flag("--author", help="Who writes our comments; without it, whom the token is of.", metavar="LOGIN")
    ] = None


@command("comment", "Tell a pull request its plan.", "flowerpower comment plan.json")
def comment(
    session: Session,
    place: Place,
    file: Annotated[Path | None, typer.Argument(metavar="PLANFILE", help="A file that `plan --out` wrote.")] = None,
    no_plan: Annotated[
        bool,
        flag("--no-plan", env="", help="There is none: say so where a comment still shows the plan of another commit."),
    ] = False,
) -> None:
    """Write a plan into the pull request of this job: one comment a namespace, written again each time.

    With --no-plan that comment tells instead what is wrong with the specs of the newest commit; none is started.

    On GitHub with GITHUB_TOKEN; into the merge request of a job on GitLab with GITLAB_TOKEN.
    """
    from flowerpower.hosting.job import host_of
    from flowerpower.hosting.sticky import choose

    if (file is None) is not no_plan:
        raise UsageError(
            "which plan?", hint="name a file that `plan --out` wrote, or say --no-plan where there is none"
        )
    planned = read_plan(file) if file is not None else None
    host = host_of(session.settings.environment, author=place.author or "", writes=True)
    number = place.pull_request or host.pull_request()
    planned_head = place.head or host.tested_head()
    if planned_head and (now := host.head(number)) != planned_head:
        what = f"this {'job' if no_plan else 'plan'} is for {planned_head[:12]}: nothing is written"
        session.talk(f"{host.sign}{number} is at {now[:12]} by now, and {what}")
        session.document({"action": "nothing", "pull_request": number, "url": ""})
        return
    comments = host.comments(number)
    body = planned.to_markdown(host.longest) if planned is not None else _no_plan(session, comments, planned_head)
    _write(session, host, number, choose(comments, body, pending=bool(planned)), body)


def _write(session: Session, host: CodeHost, number: int, step: Step, body: str) -> None:
    """Do what was chosen, and tell it."""
    url = step.comment.url if step.comment else ""
    if step.action == "create":
        url = host.create(number, body)
    elif step.action == "update" and step.comment is not None:
        url = host.update(number, step.comment, body)
    session.document({"action": step.action, "pull_request": number, "url": url})
    session.talk(_told(step, f"{host.sign}{number}", url))


def _no_plan(session: Session, comments: Sequence[Comment], head: str) -> str:
    """Return what the comment says of a commit without a plan; its specs are read, and nothing of it runs."""
    from flowerpower.hosting.sticky import namespaces
    from flowerpower.render.no_plan import no_plan_markdown

    with session.project() as project:
        problems = project.verdict.problems
        try:
            namespace = project.keys.namespace
        except SpecError:  # its name cannot be read: it is what the one comment is about
            known = namespaces(comments, session.settings.env)
            if len(known) != 1:
                raise
            (namespace,) = known
    return no_plan_markdown(namespace, head, problems)


def _told(step: Step, number: str, url: str) -> str:
    words = {"create": "a new comment tells the plan", "update": "the comment was written again"}
    return f"{number}: {words.get(step.action, step.reason)}{' ' if url else ''}{url}"


@command("approved", "Fetch the plan of the merged pull request.", "flowerpower approved --out approved.json")
def approved(
    session: Session,
    out: Annotated[Path, flag("--out", help="Where to write the plan.", metavar="FILE")],
    commit: Annotated[
        str | None,
        flag("--commit", env=_COMMIT, help="The commit that came by a merge; without it, that of the job."),
    ] = None,
    name: Annotated[
        str, flag("--name", help="How the artifacts begin that hold plans.", metavar="PREFIX")
    ] = "flowerpower-plan",
    job: Annotated[
        str, flag("--job", help="On GitLab: the job that plans.", env="FLOWERPOWER_APPROVED_JOB", metavar="NAME")
    ] = "flowerpower-plan",
    if_any: Annotated[
        bool, flag("--if-any", help="Write nothing, and fail not, for a commit that came without a pull request.")
    ] = False,
) -> None:
    """Fetch the plan that people saw in the pull request which brought a commit, for `apply --approved FILE`.

    The job that planned kept it as the artifact PREFIX-PROJECT.ENVIRONMENT-COMMIT, or without the project, of the
    commit at the head of the request; on GitLab as a file of that name that ends in .json.
    """
    from flowerpower.hosting.job import host_of

    host = host_of(session.settings.environment)
    merged = commit or host.merged_commit()
    if not merged:
        raise UsageError("no commit is named", hint="--commit COMMIT")
    found = host.merged_head(merged)
    if found is None and not if_any:
        raise UsageError(
            f"{merged[:12]} came without a pull request, so nobody has approved a plan for it",
            hint=_UNAPPROVED,
        )
    if found is None:
        session.talk(f"{merged[:12]} came without a pull request: no plan was approved, {out} is not written")
        session.document({"pull_request": None, "file": None, "plan_hash": None})
        return
    _keep(session, host, _places(session, found, name, job), out)


def _places(session: Session, found: tuple[int, str], name: str, job: str) -> list[Kept]:
    """Return where the plan of a pull request may have been kept, by its number and its last commit."""
    from flowerpower.hosting.host import Kept

    number, head = found
    return [Kept(number, head, f"{name}-{scope}-{head}", job) for scope in _scopes(session)]


def _scopes(session: Session) -> Sequence[str]:
    """Return what an artifact may be named after: project and environment, else the environment alone."""
    try:
        return session.find_project().keys.namespace, session.settings.env
    except ProjectNotFoundError:  # the command works without a checkout too
        return (session.settings.env,)


def _keep(session: Session, host: CodeHost, places: Sequence[Kept], out: Path) -> None:
    """Write what was approved into a file, and say what it is for."""
    number = places[0].number
    shown = f"{host.sign}{number}"
    write_whole(out, _kept_plan(host, places, shown))
    planned_hash = _seen(out, shown, host.longest)
    session.talk(f"{shown} was shown the plan {planned_hash}; apply it: flowerpower apply --approved {out}")
    session.document({"pull_request": number, "file": str(out), "plan_hash": planned_hash})


def _kept_plan(host: CodeHost, places: Sequence[Kept], shown: str) -> bytes:
    for kept in places:
        if (plan := host.approved_plan(kept)) is not None:
            return plan
    raise UsageError(
        f"{shown} left no plan: there is no artifact {' or '.join(kept.name for kept in places)}, or none any more",
        hint=f"run the job that plans in {shown} again, or plan, look and apply by hand",
    )


def _seen(file: Path, shown: str, longest: int) -> str:
    """Return the hash of the plan in a file; refuse one that was longer than its comment could be."""
    from flowerpower.hosting.sticky import header_of

    planned = read_plan(file)
    if (header_of(planned.to_markdown(longest)) or {}).get("truncated"):
        file.unlink()
        raise UsageError(
            f"the plan of {shown} did not fit into its comment, so nobody has seen all of it",
            hint="split the change, or look at all of it (flowerpower show) and apply by hand",
        )
    return planned.hash
