"""How a worker is asked to work: what none can do is refused before it starts, and what it will hardly do is told."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from flowerpower import arguments
from flowerpower.errors import UsageError
from flowerpower.jobs.workers.functions import doubt_of
from flowerpower.jobs.workers.processes import Work, WorkerOptions
from flowerpower.nearest import nearest
from flowerpower.specs.messages import did_you_mean
from flowerpower.told_in_python import called

logger = logging.getLogger("flowerpower.worker")


def options_of(work: Work, known: WorkerOptions) -> WorkerOptions:
    """Return *known* options with what a caller asks for laid over them; raise `UsageError` for what none can do."""
    _refuse_unknown(work)
    _refuse_numbers(work.get("processes", 1), work.get("grace"))
    if known.elsewhere:
        what = f"a worker runs modules in a folder, and the project is at {known.elsewhere}"
        raise UsageError(what, hint="start it in a copy or a checkout of the project")
    queues = arguments.texts(work.get("queues") or (), "`queues`")
    if not all(queues):
        raise UsageError("a queue without a name", hint="--queue NAME; without it, all of the project's")
    allowed = arguments.texts(work.get("allowed") or (), "`allowed`")
    arguments.text(work.get("metrics", ""), "`metrics`", 'for example "9726"')
    arguments.text(work.get("branch", ""), "`branch`")
    chosen = replace(replace(known, **work), queues=queues or known.queues, allowed=allowed)
    for function in allowed:
        if doubt := doubt_of(function):
            logger.warning("%s, so its jobs will fail", doubt)
    if chosen.branch:
        _look_for_branch(chosen)
    return chosen


def warn_of_idle(asked: Sequence[str], declared: Collection[str], used: Collection[str]) -> None:
    """Tell of queues that a worker is asked to work on, and that nothing of the project uses."""
    known = {*declared, *used}
    for queue in sorted({*asked} - known):
        near = nearest(queue, sorted(known))
        logger.warning(
            "queue %s is neither declared by the project nor used by an applied schedule%s",
            queue,
            f"; did you mean {near}?" if near else "",
        )


def _refuse_unknown(work: Mapping[str, object]) -> None:
    for name in work:
        if name not in Work.__annotations__:
            hint = did_you_mean(name, Work.__annotations__) or f"there are: {', '.join(Work.__annotations__)}"
            raise UsageError(f"a worker has no argument `{name}`", hint=hint)


def _refuse_numbers(processes: object, grace: object) -> None:
    if not isinstance(processes, int):
        raise UsageError(f"`processes` is a whole number, not {processes!r}", hint="--processes 2")
    if processes < 1:
        raise UsageError("a worker needs at least one process", hint="--processes 1")
    if grace is not None and not (isinstance(grace, (int, float)) and grace >= 0):
        raise UsageError(f"`grace` is a number of seconds, not {grace!r}", hint="for example 90")


def _look_for_branch(options: WorkerOptions) -> None:
    """Refuse a branch that is not there: with it each run would fail, where without a worker it waits."""
    if not options.from_git:
        what = called(f"--branch {options.branch}", "branch")
        logger.warning("%s has no effect: runs get the code that lies here, and not that of a commit", what)
        return
    from flowerpower.jobs.workers.checkouts import Checkouts

    heads = Checkouts.of(options.root, options.branch, options.cache).heads()
    if heads is not None and options.branch not in heads:
        hint = did_you_mean(options.branch, heads) or f"push it first; there are: {', '.join(heads[:5]) or 'none'}"
        raise UsageError(f"there is no branch {options.branch!r} to fetch the code of runs from", hint=hint)
