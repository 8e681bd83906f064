"""Whole keys of another type: somebody wrote over them. Each is named, with what moving it out of the way means."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.errors import StoreError
from flowerpower.state.connection import redis_errors, said_first
from flowerpower.state.keys import Keys
from flowerpower.state.models import Damage
from flowerpower.state.pipelined import batches, pack, replies

if TYPE_CHECKING:
    from redis import Redis

WAY_OUT = "`flowerpower doctor` names what is of another type, and how to move it out of the way"
_AT_ONCE = 1_000  # keys
_FROM_GIT = "then `flowerpower apply` writes it anew from git"
_BY_ITSELF = "then it is made anew by itself"
_THEN = {  # by the last part of a key of ours: what comes after it was moved out of the way
    "head": "then apply: guards have nothing to compare with, and schedules start from then on",
    "schedules": f"{_FROM_GIT}; what is `protected` or forgotten counts as new",
    "pipelines": _FROM_GIT,
    "cursors": f"{_FROM_GIT}, and schedules start from then on",
    "specs": _FROM_GIT,
    "signatures": "then sign again: `flowerpower apply --resign`",
    "holds": "every hold is lost with it: `flowerpower pause` at once what must not fire",
    "forgotten": "then `flowerpower forget` again, before the next apply, what git no longer has",
    "buffers": "the ticks that waited in it are lost; `flowerpower backfill` runs them",
    "active": "then the scheduler makes it anew from what RQ knows",
    "active_index": "then the scheduler makes it anew",
    "awaited": f"{_BY_ITSELF}; runs that wait for other schedules may be some minutes late",
    "renamed": f"{_BY_ITSELF}; runs that wait for a schedule by an old name of it are skipped",
    "runs": f"{_BY_ITSELF}, without the events of before",
    "heals": _BY_ITSELF,
    "history": f"{_BY_ITSELF}; what was applied before can no longer be rolled back",
    "inverses": f"{_BY_ITSELF}; what was applied before can no longer be rolled back",
    "inverse": "then the apply of that name, and what was before it, can no longer be rolled back",
    "totals": f"{_BY_ITSELF}, and counts from 0",
    "messages": f"{_BY_ITSELF}; who was told of a failure is told again",
    "outbox": f"{_BY_ITSELF}; the messages that waited in it are lost",
    "kept": "what that run printed, and how it failed, can no longer be shown",
    "kept_of": f"{_BY_ITSELF} with the next run",
}
_OF_RQ = {  # by the part behind RQ's prefix
    "queues": "then RQ and flowerpower fill it again; other users of RQ here may miss it",
    "scheduled": "then the scheduler or `flowerpower apply` puts back what waited",
    "queue": "then what waited in it is delivered again within two minutes",
    "workers": "then its workers are registered again within some seconds",
}


def misplaced(keys: Keys, key: str, wanted: str, found: str = "") -> Damage:
    """Return what is wrong with a key of another type than *wanted*, and the way out."""
    is_a = f"is a {found}" if found else "is of another type"
    if key.startswith(keys.prefix):
        name = key.removeprefix(keys.prefix).partition(":")[0]
        then = _THEN.get(name, _BY_ITSELF)
    else:
        then = _OF_RQ.get(key.removeprefix(f"{keys.rq}:").partition(":")[0], _BY_ITSELF)
    return Damage(
        f"the key {key} {is_a} and should be a {wanted}",
        "",
        f"look at it, then move it out of the way: {move_away(key)}; {then}",
    )


def move_away(key: str) -> str:
    """Return the command that moves a key out of the way and loses nothing of it."""
    return f"redis-cli RENAME {key} {key}.bad"


def address_of(keys: Keys, key: str) -> str:
    """Return the address of a whole key among what is damaged; the head has its own."""
    return "head" if key == keys.head else f"key.{key}"


def kind_of(reply: Any) -> str:
    """Return the type that a reply to TYPE names; nothing where nothing lies, or where this user may not ask."""
    kind = reply.decode(errors="replace") if isinstance(reply, bytes) else reply if isinstance(reply, str) else ""
    return "" if kind == "none" else kind


def says_misplaced(reply: Any) -> bool:
    """Tell whether a reply, or what was raised, is the failure that a key is of another type."""
    return isinstance(reply, Exception) and said_first(reply) == "WRONGTYPE"


def is_misplaced(reply: Any) -> bool:
    """Tell the same, and raise any other failure."""
    if isinstance(reply, Exception) and not says_misplaced(reply):
        raise reply
    return isinstance(reply, Exception)


def find_misplaced(client: Redis, keys: Keys, wanted: Mapping[str, str]) -> dict[str, Damage]:
    """Return those of some keys that are of another type than *wanted* says, by key; few keys cost a round trip."""
    return dict(each_misplaced(client, keys, wanted.items()))


def each_misplaced(client: Redis, keys: Keys, wanted: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Damage]]:
    """Yield the same of any number of keys, a batch of them at a time."""
    asked = deque[tuple[str, str]]()

    def commands() -> Iterator[list[bytes]]:
        for some in batches(wanted, _AT_ONCE):
            asked.extend(some)
            yield [pack("TYPE", key) for key, _ in some]

    with redis_errors("looking at the types of keys"):
        for reply in replies(client, commands()):
            key, kind = asked.popleft()
            if (found := kind_of(reply)) not in ("", kind):
                yield key, misplaced(keys, key, kind, found)


def refuse_misplaced(client: Redis, keys: Keys, wanted: Mapping[str, str]) -> None:
    """Raise `StoreError`, which names the key and the way out, if one of some keys is of another type than *wanted*."""
    for damage in find_misplaced(client, keys, wanted).values():
        raise StoreError(damage.told, hint=damage.hint)
