"""What other tools have scheduled in this Redis: RQ's pending jobs, RQ's cron schedulers, rq-scheduler's entries.

It only reads, with plain commands in pipelines, so a Redis user that may read is enough. A key of another type than
expected, or a job that cannot be read, is told of and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from flowerpower.adoption.found import TOOLS, Found, Tool, Unread, mark_of
from flowerpower.adoption.rq_cron import SCHEDULER_FIELDS, CronScheduler, cron_jobs
from flowerpower.adoption.rq_jobs import JOB_FIELDS, identity_of, pending_job, scheduler_entry
from flowerpower.adoption.steps import SCHEDULER_KEY
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import SEPARATOR

if TYPE_CHECKING:
    from redis import Redis

    from flowerpower.state.store import Store

_CHUNK = 500
_OURS = "flowerpower.jobs."
_Decoder: TypeAlias = "Callable[[bytes, float, Sequence[bytes | None]], Found | Unread]"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for."""

    tools: tuple[Tool, ...] = TOOLS
    queues: frozenset[str] = frozenset()  # none: all
    known: frozenset[str] = frozenset()  # the marks of what was adopted before
    limit: int = 1000  # read no more than so many


@dataclass(slots=True)
class Foreign:
    """What was found, at a moment (epoch seconds)."""

    now: int = 0
    found: list[Found] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    known: int = 0  # that were adopted before
    more: int = 0  # that the limit kept from being read


def read_foreign(store: Store, wanted: Wanted) -> Foreign:
    """Return what other tools will run, cron jobs first. Raises `StoreError` when Redis cannot be read."""
    with redis_errors("looking for what other tools have scheduled"):
        reader = _Reader(store, wanted)
        seconds, _ = store.connection.time()
        reader.result.now = int(seconds)
        for tool in (tool for tool in TOOLS if tool in wanted.tools):
            _READ[tool](reader)
        return reader.result


class _Reader:
    """One look: what it finds is collected in its result."""

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self.connection: Redis = store.connection
        self.rq = store.keys.rq
        self.wanted = wanted
        self.result = Foreign()

    def cron(self) -> None:
        """Read RQ's cron schedulers."""
        members = self._members("rq-cron", f"{self.rq}:cron_schedulers", "zrange", 0, -1)
        prefix, schedulers = f"{self.rq}:cron_scheduler:".encode(), []
        for name, values in self._hashes(prefix, members, SCHEDULER_FIELDS):
            if isinstance(values, Exception):
                self._cannot("rq-cron", _shown(name), values)
            else:
                schedulers.append(CronScheduler(_shown(name), tuple(values)))
        found, unread = cron_jobs(schedulers)
        self.result.unread += unread
        for one in found:
            self._take(one)

    def scheduler(self) -> None:
        """Read rq-scheduler's entries."""
        self._jobs("rq-scheduler", SCHEDULER_KEY, scheduler_entry)

    def pending(self) -> None:
        """Read the jobs that wait in RQ's registries of scheduled jobs, but for those of flowerpower."""
        prefix, wanted = f"{self.rq}:queue:", self.wanted.queues
        members = self._members("rq", f"{self.rq}:queues", "smembers")
        names = {_shown(member).removeprefix(prefix) for member in members} | wanted
        for queue in sorted(name for name in names if not wanted or name in wanted):
            if len(queue.split(SEPARATOR)) != 3:  # that of a flowerpower project
                self._jobs("rq", f"{self.rq}:scheduled:{queue}", partial(pending_job, queue))

    def _jobs(self, tool: Tool, key: str, decode: _Decoder) -> None:
        """Read the jobs in a sorted set, soonest first, until there are as many as wanted."""
        members = self._members(tool, key, "zrange", 0, -1, False, True)
        fresh = {raw: due for raw, due in members if mark_of(tool, identity_of(raw)) not in self.wanted.known}
        self.result.known += len(members) - len(fresh)
        read = 0
        for raw, values in self._hashes(f"{self.rq}:job:".encode(), list(fresh), JOB_FIELDS):
            read += 1
            if isinstance(values, Exception):
                self._cannot(tool, identity_of(raw), values)
                continue
            one = decode(raw, fresh[raw], values)
            if isinstance(one, Unread):
                self.result.unread.append(one)
            elif self._take(one):
                break
        self.result.more += len(fresh) - read

    def _take(self, one: Found) -> bool:
        """Keep what is wanted, and tell whether there is enough of it now."""
        result, wanted = self.result, self.wanted
        if one.call.function.startswith(_OURS) or (wanted.queues and one.queue not in wanted.queues):
            return False
        if one.mark in wanted.known:
            result.known += 1
        elif len(result.found) >= wanted.limit:
            result.more += 1
        else:
            result.found.append(one)
        return len(result.found) >= wanted.limit

    def _members(self, tool: Tool, key: str, *question: Any) -> list[Any]:
        [answer] = self._ask([(question[0], key, *question[1:])])
        if isinstance(answer, Exception):
            self._cannot(tool, key, answer)
            return []
        return list(answer)

    def _hashes(self, prefix: bytes, names: Sequence[bytes], fields: Sequence[str]) -> Iterator[tuple[bytes, Any]]:
        """Yield the name and the fields of each hash, or the error that stands for them."""
        for start in range(0, len(names), _CHUNK):
            if len(self.result.found) >= self.wanted.limit:
                return
            chunk = names[start : start + _CHUNK]
            yield from zip(chunk, self._ask([("hmget", prefix + name, *fields) for name in chunk]), strict=True)

    def _ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands in one pipeline; an answer that is an error of that command alone is returned as it is."""
        from redis.exceptions import NoPermissionError

        pipe = self.connection.pipeline(transaction=False)
        for name, *arguments in commands:
            getattr(pipe, name)(*arguments)
        answers = pipe.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, NoPermissionError):
                raise answer
        return answers

    def _cannot(self, tool: Tool, what: str, error: Exception) -> None:
        self.result.unread.append(Unread(tool, what[:200], f"Redis says: {error}"))


_READ: Mapping[Tool, Callable[[_Reader], None]] = {
    "rq-cron": _Reader.cron,
    "rq-scheduler": _Reader.scheduler,
    "rq": _Reader.pending,
}


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
