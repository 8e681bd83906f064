"""What is told of a run whose process was killed: adapters that saw it begin would show it as running for ever.

A process of its own tells them: their libraries are large, their servers may hang, and the worker has other runs.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowerpower.errors import StoreError
from flowerpower.jobs.ledger import RunRef
from flowerpower.jobs.run import home_here
from flowerpower.settings import read_settings
from flowerpower.state.codec import decode_run, loads
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

PATIENCE = 20.0  # seconds that all of it may take
_PAUSE = 0.02

logger = logging.getLogger("flowerpower.worker")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that cannot speak for itself: which it is, what it runs, and why it was told to stop, if it was."""

    run: RunRef
    number: int
    spec_digest: str
    told_to_stop: str


def attempt_under_way(store: Store, run: RunRef, spec_digest: str) -> Attempt | None:
    """Return the attempt of a run, to be asked for before its end is recorded; None where there is none."""
    with redis_errors("reading an active run"):
        raw: Any = store.connection.hget(store.keys.active, run.id)
    found = decode_run(run.id, raw) if raw else None
    return Attempt(run, found.attempt, spec_digest, str(loads(raw).get("cancel") or "")) if found else None


def tell_adapters(store: Store, attempt: Attempt, reason: str) -> None:
    """Tell adapters of that attempt how it ended, as far as they would not know; nothing of it fails the worker."""
    names, pipeline = adapters_of(store, attempt)
    if names and not _in_child(lambda: tell(names, pipeline, attempt, reason, home_here().plugins)):
        logger.warning("the adapters of run %s were not told of its end in time", attempt.run.id)


def adapters_of(store: Store, attempt: Attempt) -> tuple[list[str], str]:
    """Return which adapters have to be told of the end of an attempt that was killed, and the pipeline that it ran."""
    from flowerpower.pipelines.adapters.named import told_of_ends

    try:
        with redis_errors("reading the run spec"):
            raw: Any = store.connection.hget(store.keys.specs, attempt.spec_digest)
        spec = loads(raw)
        return told_of_ends(spec["spec"].get("adapters", ())), str(spec["pipeline"])
    except (StoreError, ValueError, KeyError, TypeError, AttributeError):
        return [], ""  # it is not as we write it: then it did not run either


def tell(names: Sequence[str], pipeline: str, attempt: Attempt, reason: str, plugins: Sequence[str]) -> None:
    """Tell these adapters of the end of an attempt, in a process that somebody else ends when it takes too long."""
    from flowerpower.pipelines.adapters.named import tell_of_end
    from flowerpower.pipelines.adapters.setting import Ending, Setting
    from flowerpower.pipelines.context import RunContext, Secrets
    from flowerpower.pipelines.secrets import secrets_of

    environment: Mapping[str, str] = read_settings().environment
    moment = datetime.fromtimestamp(attempt.run.tick, UTC)
    context = RunContext(moment, moment, attempt.run.id, attempt.run.name, pipeline, attempt=attempt.number)
    setting = Setting(context, Secrets(secrets_of(environment, plugins)))
    ending = Ending(attempt.told_to_stop or reason, cancelled=bool(attempt.told_to_stop))
    with setting.closing:
        for name in names:
            tell_of_end(name, setting, ending)


def _in_child(task: Callable[[], None]) -> bool:
    """Do a task in a fork of this process; tell whether that ended in time."""
    from flowerpower.jobs.workers.traces import end_with_parent

    pid = os.fork()
    if pid == 0:
        end_with_parent(signal.SIGKILL)
        for signum in (
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGHUP,
        ):  # a service manager may stop us all: it ends soon by itself
            signal.signal(signum, signal.SIG_IGN)
        with suppress(BaseException):
            task()
        os._exit(0)
    until = time.monotonic() + PATIENCE
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(_PAUSE)
    return True
