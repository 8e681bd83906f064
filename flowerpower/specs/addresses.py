"""Checks of the addresses that messages go to: each has a scheme, and none holds a password in clear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

from flowerpower.errors import Severity
from flowerpower.nearest import nearest

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HTTP = re.compile(r"(https?)[:/]+\w", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z][\w-]*(?:\.[\w-]+)+(?::\d+)?")
_OF_WEB = ("https", "http")
_SLIP = 0.8


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
                yield (key, position), "an address of messages needs a scheme", _with_scheme(url), "error"
            elif meant := _meant_scheme(url):
                what = f"no address of messages begins with `{url.partition('://')[0]}://`"
                yield (key, position), what, f"did you mean `{meant}://`?", "error"
            elif len(url.split()) > 1:
                what = "an address of messages holds a space"
                yield (key, position), what, "remove it; perhaps a line ends inside the address", "warning"
            elif _has_password(url):
                what = "this address holds a password in clear"
                yield (key, position), what, "keep it out of git: write ${secret:NAME} in its place", "warning"


def _with_scheme(url: str) -> str:
    """Return how to write what may be an address without its scheme."""
    begin, colon, rest = url.partition(":")
    if begin.lower() == "mailto" or _MAIL.fullmatch(url):
        return "for mail write mailto://user:${secret:MAIL_PASSWORD}@mail.example?to=you@example.org"
    if scheme := _HTTP.match(url):
        return f"write `{scheme[1].lower()}://` before the host"
    if _HOST.fullmatch(url.partition("/")[0]):
        return "write `https://` before it, if it is a web hook"
    if colon and rest and begin.isalpha():
        return "a scheme ends with `://`, as in https://hooks.example/x"
    return "for example https://hooks.example/x or ${secret:SLACK_URL}"


def _meant_scheme(url: str) -> str:
    """Return the scheme that the one of an address is but a slip away from; nothing for one that there may be."""
    scheme = url.partition("://")[0].lower()
    return "" if scheme in _OF_WEB or not scheme.isalpha() else nearest(scheme, _OF_WEB, cutoff=_SLIP)


def _has_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False
    return bool(password) and "${" not in str(password)
