"""How long a tick is held back, so that schedules of one minute do not all start in one second.

The delay is a hash of the schedule and the tick: every process of every release computes the same one, and a
restart cannot draw a longer one again and again.
"""

from __future__ import annotations

from hashlib import blake2b


def delay(schedule: str, tick: int, jitter: int) -> int:
    """Return the delay of that tick in whole seconds, 0 <= delay < jitter; 0 if there is no jitter.

    It moves when a run is pushed, never its tick or its id.
    """
    if jitter <= 1:
        return 0
    digest = blake2b(f"{schedule}\n{tick}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") * jitter >> 64
