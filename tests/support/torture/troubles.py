"""What else may befall them: the network, the disk, the memory, the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import redis

from support.torture.evidence import OFFSET_KEY

if TYPE_CHECKING:
    from support.torture.chaos import Torture

HOUR = 3600


def slow_link(torture: Torture, dice: Random) -> None:
    """Let each reply and each request come late, for half of the processes."""
    torture.link.be(f"slow {dice.random() * 0.2:.3f}", dice.random() * 2)


def mute_link(torture: Torture, dice: Random) -> None:
    """Let commands run and their replies vanish: nobody knows whether they ran."""
    torture.link.be("mute", dice.random())


def dark_link(torture: Torture, dice: Random) -> None:
    """Let nothing through, without a word."""
    torture.link.be("dark", dice.random() * 3)


def cut_link(torture: Torture, dice: Random) -> None:
    """Cut the connections that there are."""
    torture.link.be("cut", 0)


def disk_full(torture: Torture, dice: Random) -> None:
    """Let a write fail in the middle: with `appendfsync always` Redis ends itself then, and starts on what it has."""
    torture.server.fill_disk(dice.randrange(4_000))
    end = time.monotonic() + 1 + dice.random()
    while torture.server.is_alive and time.monotonic() < end:
        torture.tend()
    torture.restart()


def disk_refuses(torture: Torture, dice: Random) -> None:
    """Let Redis live on with a disk that is full: it refuses every change (MISCONF), until there is room.

    No write ends in the middle here: a server that then goes on may leave a file that it cannot read itself.
    """
    with redis.Redis.from_url(torture.server.url) as client:
        client.config_set("appendfsync", "everysec")
        torture.server.fill_disk(0)
        _wait(torture, 0.5 + dice.random() * 2)
        torture.server.free_disk()
        end = time.monotonic() + 10
        while client.info("persistence")["aof_last_write_status"] != "ok" and time.monotonic() < end:
            torture.tend()
        client.config_set("appendfsync", "always")


def memory_full(torture: Torture, dice: Random) -> None:
    """Let Redis be full: scripts that may write are refused before they begin."""
    with redis.Redis.from_url(torture.server.url) as client:
        client.config_set("maxmemory", 1)
        _wait(torture, dice.random() * 2)
        client.config_set("maxmemory", 0)


def clock_forward(torture: Torture, dice: Random) -> None:
    """Let the clock of Redis leap, by minutes or by hours."""
    _shift(torture, dice.choice([61, 600, HOUR, 7 * HOUR]))


def clock_back(torture: Torture, dice: Random) -> None:
    """Let the clock of Redis step back; it stands where it was before long, since it runs fast here."""
    _shift(torture, -dice.choice([2, 30, 90, 600]))


def _shift(torture: Torture, seconds: int) -> None:
    with suppress(redis.RedisError), redis.Redis.from_url(torture.server.url) as client:
        if client.incrby(OFFSET_KEY, seconds) < 0 and not torture.begins_behind:
            client.set(OFFSET_KEY, 0)


def _wait(torture: Torture, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        torture.tend()


TROUBLES: dict[str, tuple[int, Callable[[Torture, Random], None]]] = {  # with how often they come
    "link slow": (2, slow_link),
    "link mute": (2, mute_link),
    "link dark": (1, dark_link),
    "link cut": (2, cut_link),
    "disk full": (1, disk_full),
    "disk refuses": (1, disk_refuses),
    "memory full": (1, memory_full),
    "clock forward": (1, clock_forward),
    "clock back": (2, clock_back),
}
