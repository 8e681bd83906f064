"""Checks of the addresses that messages go to: each has a scheme, and none holds a password in clear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

from flowerpower.errors import Severity


class Told(Protocol):
    """A spec that says who is told of failures and of successes."""

    @property
    def on_failure(self) -> tuple[str, ...]:
        """Addresses."""

    @property
    def on_success(self) -> tuple[str, ...]:
        """Addresses."""


def check_addresses(spec: Told) -> Iterator[tuple[tuple[str, int], str, str, Severity]]:
    """Yield path, what, hint and severity of what is wrong with the addresses of a spec; none is quoted."""
    for key in ("on_failure", "on_success"):
        for position, url in enumerate(getattr(spec, key)):
            if "://" not in url and not url.startswith("${"):
                what = "an address of messages needs a scheme"
                yield (key, position), what, "for example https://hooks.example/x or ${secret:SLACK_URL}", "error"
            elif len(url.split()) > 1:
                what = "an address of messages holds a space"
                yield (key, position), what, "remove it; perhaps a line ends inside the address", "warning"
            elif _has_password(url):
                what = "this address holds a password in clear"
                yield (key, position), what, "keep it out of git: write ${secret:NAME} in its place", "warning"


def _has_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False
    return bool(password) and "${" not in str(password)
