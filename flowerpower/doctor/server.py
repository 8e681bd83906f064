"""Read what a Redis server says of itself; what this user may not ask is unknown, not an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flowerpower.doctor.findings import Fact, Unknown
from flowerpower.errors import FlowerPowerError
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

T = TypeVar("T")
_PINGS = 7
_SETTINGS = ("appendfsync", "save")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself, and how far away it is."""

    info: Fact[Mapping[str, Any]]
    settings: Fact[Mapping[str, str]]
    skew: Fact[float]  # seconds that the server's clock is ahead of ours
    trip: Fact[float]  # seconds of a round trip, the median
    refused: Fact[
        tuple[str, ...]
    ]  # commands that this user may not run from a script; EVAL: no script at all, HLEN: not even read


def reach(store: Store) -> None:
    """Raise `StoreError` when the server does not answer."""
    with redis_errors("connecting"):
        store.connection.ping()


def read_server(store: Store) -> ServerFacts:
    """Return what the server says; writes nothing, and needs no more rights than reading, `time` and `info`."""
    connection: Any = store.connection
    return ServerFacts(
        info=ask("asking for INFO", connection.info),
        settings=ask("asking for CONFIG", lambda: _settings(connection.config_get)),
        skew=ask("asking for the time", lambda: _skew(connection.time)),
        trip=ask("measuring a round trip", lambda: _trip(connection.ping)),
        refused=_refused(store),
    )


def ask(doing: str, question: Callable[[], T]) -> Fact[T]:
    """Return what a question to Redis brings, or why it brings nothing."""
    try:
        with redis_errors(doing):
            return question()
    except FlowerPowerError as error:
        return Unknown(str(error))


def _settings(get: Callable[[str], Mapping[Any, Any]]) -> dict[str, str]:
    """Return some settings, asked for one by one: before 7.0 Redis takes no more than one name."""
    found = (item for setting in _SETTINGS for item in get(setting).items())
    return {_word(name): _word(value) for name, value in found}


def _word(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _skew(server_time: Callable[[], tuple[int, int]]) -> float:
    before = time.time()
    seconds, micros = server_time()
    return seconds + micros / 1e6 - (before + time.time()) / 2


def _trip(ping: Callable[[], object]) -> float:
    measured = []
    for _ in range(_PINGS):
        before = time.perf_counter()
        ping()
        measured.append(time.perf_counter() - before)
    return sorted(measured)[_PINGS // 2]


def _refused(store: Store) -> Fact[tuple[str, ...]]:
    head = ask("reading the head", lambda: store.connection.hlen(store.keys.head))
    if isinstance(head, Unknown) and "refused" in head.why:
        return ("HLEN",)
    answer: Fact[list[bytes]] = ask("asking what scripts may do", lambda: store.scripts.call("rights"))
    if isinstance(answer, Unknown):
        return ("EVAL",) if "refused" in answer.why else answer
    if answer == [b"unknown"]:
        return Unknown("this Redis cannot tell what a script may do (7.0 and newer can)")
    return tuple(_word(command) for command in answer)
