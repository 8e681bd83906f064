"""A checkout of somebody else (`--untrusted`): what it may not decide, and what is not done with it; lost secrets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from flowerpower.errors import RefusedError, UsageError
from flowerpower.settings import Settings


def trusted_redis(settings: Settings) -> str:
    """Return the Redis that whoever runs the command has named; raises `UsageError` when nobody has.

    An embedded one would be started on files of the checkout, so it does not count.
    """
    if settings.redis is None or settings.redis == "embedded":
        raise UsageError(
            "with --untrusted the checkout does not say which Redis is read",
            hint="name it with --redis or FLOWERPOWER_REDIS, as a user that may only read",
        )
    return settings.redis


def refuse_lost_redis(settings: Settings) -> None:
    """Raise `UsageError` for an embedded Redis in a CI job that was given an empty `FLOWERPOWER_REDIS`.

    A secret that a job may not have is empty: the plan would then show everything as new, and the apply end well with
    nothing applied.
    """
    if settings.redis is None and settings.environment.get("CI") and "FLOWERPOWER_REDIS" in settings.environment:
        raise UsageError(
            "FLOWERPOWER_REDIS is empty, and an embedded Redis would end with this job",
            hint="look whether the secret exists and this job may have it: jobs of forks, of Dependabot and outside of "
            "the secret's environment may not",
        )


def refuse_untrusted(settings: Settings, what: str) -> None:
    """Raise `RefusedError` where *what* (such as `applies nothing`) holds for an untrusted checkout."""
    if settings.untrusted:
        raise RefusedError(f"--untrusted {what}", hint="look at it with `plan --untrusted`, then use a trusted job")


def refuse_its_modules(folder: Path, search: Iterable[str]) -> None:
    """Raise `RefusedError` if Python takes modules from the checkout around *folder*, as `python -m` does."""
    from flowerpower.git import repository_of

    checkout, installed = repository_of(folder) or folder.resolve(), Path(sys.prefix).resolve()
    for entry in search:
        place = Path(entry or ".").resolve()
        if place.is_relative_to(checkout) and not place.is_relative_to(installed):
            raise RefusedError(
                f"Python was started so that it takes modules from the checkout ({place})",
                hint="use the command `flowerpower`, or `python -P -m flowerpower`; and no PYTHONPATH in the checkout",
            )


def refuse_foreign(settings: Settings, namespace: str, *, theirs: str, ours: str) -> None:
    """Raise `RefusedError` if an untrusted checkout names the namespace of another repository, to see what is there."""
    if settings.untrusted and theirs not in ("", ours):
        raise RefusedError(
            f"{namespace} was applied from another repository, and is not shown to this checkout",
            hint="`name:` and --env choose the namespace; set the remote `origin` if it is this repository",
        )
