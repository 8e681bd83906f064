"""Messages that wait to be sent, and what is known of each schedule's health: in Redis, so that a process may die."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from flowerpower.jobs.events import newest_id
from flowerpower.messaging.health import Health, Outcome
from flowerpower.messaging.message import Message
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

if TYPE_CHECKING:
    from redis.client import Pipeline

MOST = 1000  # messages that wait at once
_CURSOR = "cursor"
_ENTRY = re.compile(rb"\d{1,19}-\d{1,19}")
_HEALTH = "health:"
_EVENTS_KEPT = 10_000  # as the scripts do


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one address, which may hold placeholders; tried so many times, due again at an epoch second."""

    id: str
    url: str
    message: Message
    pipeline: str = ""
    tries: int = 0
    due: int = 0


class Outbox:
    """The messages of one namespace that are on their way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._messages = store.keys.messages
        self._letters = store.keys.outbox

    def cursor(self) -> str:
        """Return the id of the last event that was looked at; where none is known, or it is damaged, that
        is the newest one.
        """
        connection = self._store.connection
        with redis_errors("reading how far messages are"):
            found: Any = connection.hget(self._messages, _CURSOR)
            if found is None or not _ENTRY.fullmatch(found):
                connection.hset(self._messages, _CURSOR, newest_id(self._store))
                found = connection.hget(self._messages, _CURSOR)
        return bytes(found).decode()

    def healths(self, names: Iterable[str]) -> dict[str, Health]:
        """Return what is known of schedules that are not well; a damaged value counts as nothing known."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        with redis_errors("reading the health of schedules"):
            found: Any = self._store.connection.hmget(self._messages, [_HEALTH + name for name in wanted])
        known = {name: _parsed(raw) for name, raw in zip(wanted, found, strict=True) if raw}
        return {name: Health(*map(int, value)) for name, value in known.items() if _is_health(value)}

    def advance(self, cursor: str, healths: Mapping[str, Health], letters: Iterable[Letter]) -> None:
        """Note in one step how far we are, how schedules fare by now, and what is to be sent."""
        with redis_errors("writing messages down"):
            pipe = self._store.connection.pipeline(transaction=True)
            pipe.hset(self._messages, _CURSOR, cursor)
            for name, health in healths.items():
                if health.since:
                    value = json.dumps([health.since, health.count, health.told])
                    pipe.hset(self._messages, _HEALTH + name, value)
                else:
                    pipe.hdel(self._messages, _HEALTH + name)
            for letter in letters:
                pipe.hset(self._letters, letter.id, json.dumps(asdict(letter)))
            pipe.execute()

    def waiting(self) -> int:
        """Return how many messages wait."""
        with redis_errors("counting messages"):
            return int(self._store.connection.hlen(self._letters))

    def due(self, now: int) -> list[Letter]:
        """Return the messages whose time has come; what nobody can read is dropped."""
        with redis_errors("reading messages"):
            found: Any = self._store.connection.hgetall(self._letters)
        letters = {key: _letter(key, _parsed(raw)) for key, raw in found.items()}
        broken = [key for key, letter in letters.items() if letter is None]
        if broken:
            with redis_errors("dropping messages that cannot be read"):
                self._store.connection.hdel(self._letters, *broken)
        return sorted(
            (letter for letter in letters.values() if letter and letter.due <= now), key=lambda letter: letter.due
        )

    def keep(self, letter: Letter) -> None:
        """Keep a message for another try."""
        with redis_errors("keeping a message"):
            self._store.connection.hset(self._letters, letter.id, json.dumps(asdict(letter)))

    def close(self, letter: Letter, event: Mapping[str, Any] | None) -> None:
        """Drop a message that was sent or given up, and record the event that tells of it, if there is one."""
        with redis_errors("recording a message"):
            pipe = self._store.connection.pipeline(transaction=True)
            pipe.hdel(self._letters, letter.id)
            if event:
                self._add(pipe, event)
            pipe.execute()

    def record(self, event: Mapping[str, Any]) -> None:
        """Record an event among those of the runs."""
        with redis_errors("recording a message"):
            pipe = self._store.connection.pipeline(transaction=True)
            self._add(pipe, event)
            pipe.execute()

    def _add(self, pipe: Pipeline, event: Mapping[str, Any]) -> None:
        fields: Any = dict(event)
        pipe.xadd(self._store.keys.runs, fields, maxlen=_EVENTS_KEPT, approximate=True)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _is_health(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(part, int) for part in value)


def _letter(key: bytes, value: Any) -> Letter | None:
    """Return the message that is kept under a key; None for what could be neither sent nor dropped as one."""
    try:
        told = value["message"]
        message = Message(**{**told, "outcome": Outcome(**told["outcome"]), "health": Health(**told["health"])})
        letter = Letter(**{**value, "message": message})
    except (TypeError, KeyError):
        return None
    texts = (letter.url, message.outcome.schedule, message.outcome.run)
    numbers = (letter.tries, letter.due, message.outcome.tick)
    sound = all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)
    return letter if sound and letter.id == key.decode(errors="replace") else None
