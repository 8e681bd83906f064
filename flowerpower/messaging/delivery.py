"""How one message is brought to one address, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

RETRIES = (5, 30, 120, 600, 3600)
"""Seconds to the next try, after the first, second, ... that was in vain; then it is given up."""


Result = Literal["delivered", "retry", "hopeless"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of a try: delivered, to be tried again (after that many seconds, if the receiver says), or hopeless."""

    result: Result
    reason: str = ""
    after: int | None = None


def next_try(tries: int, delivery: Delivery) -> int | None:
    """Return the seconds until a message is tried again that was tried *tries* times; None: it is given up."""
    if delivery.result != "retry" or tries > len(RETRIES):
        return None
    return max(RETRIES[tries - 1], min(delivery.after or 0, RETRIES[-1]))


def place_of(url: str) -> str:
    """Return what may be shown of an address: its scheme and, for a web hook, its host. The rest may be a secret.

    One that begins with a placeholder, `${secret:HOOK}`, is shown as that.
    """
    if url.startswith("${"):
        return url.partition("}")[0] + "}"
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
        port = f":{parts.port}" if host and parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{port}" if host else f"{parts.scheme or 'an address without a scheme'}"
