"""A small client for the JSON API of a code host: pages, patience with a busy host, and errors that say what to do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flowerpower.errors import FlowerPowerError

SECONDS = 30.0  # that one answer may take
LARGEST = 64 * 1024 * 1024  # bytes of one answer
NOT_FOUND = 404
_TRIES = 4
_BUSY = {429, 500, 502, 503, 504}
_LONGEST_WAIT = 30.0
_NEXT = re.compile(r'<([^>]+)>;\s*rel="?next"?')


class _ReadersGoOn(HTTPRedirectHandler):
    """Follows redirects of what only reads: of what writes Python would make a GET, which writes nothing."""

    def redirect_request(self, request: Request, *told: Any) -> Request | None:
        if request.get_method() != "GET":
            return None
        found = super().redirect_request(request, *told)
        if found and _origin(found.full_url) == _origin(request.full_url):  # who may know who asks
            found.unredirected_hdrs.update(request.unredirected_hdrs)
        return found


class HostingError(FlowerPowerError):
    """The code host could not be reached, or said no."""

    def __init__(self, message: str, *, hint: str | None = None, status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True)
class Web:
    """The API at an address, with the headers that prove who asks; those never leave that address."""

    address: str
    headers: Mapping[str, str] = field(repr=False)
    refused: str = ""  # what to do when the host says that we may not
    missing: str = ""  # what to look at first when it says that there is no such thing
    sleep: Callable[[float], None] = time.sleep

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer to one call; raise `HostingError`."""
        raw, _ = self._answer(method, self._url(path), body)
        return _parsed(raw, self.address)

    def pages(self, path: str) -> Iterator[Any]:
        """Yield what the pages of a list hold, in order; a link to another address is not followed."""
        url: str | None = self._url(path)
        while url is not None:
            raw, links = self._answer("GET", url)
            page = _parsed(raw, self.address)
            yield from page if isinstance(page, list) else [page]
            found = _NEXT.search(links)
            url = found[1] if found and _origin(found[1]) == _origin(self.address) else None

    def download(self, path: str) -> bytes:
        """Return a file; where the answer is a redirect to a store, the store is not told who asks."""
        return self._answer("GET", self._url(path))[0]

    def _url(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else f"{self.address.rstrip('/')}/{path.lstrip('/')}"

    def _answer(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> tuple[bytes, str]:
        """Ask until the host is not busy; what creates something is sent once more only if it was not taken."""
        for tried in range(1, _TRIES + 1):
            try:
                return self._ask(method, url, body)
            except HTTPError as error:
                with error:
                    wait = _wait(error, tried)
                    if tried == _TRIES or wait is None or (method == "POST" and error.code != 429):
                        raise self._told(method, url, error) from None
            except (URLError, HTTPException, OSError) as error:
                wait = min(2.0**tried, _LONGEST_WAIT)
                if tried == _TRIES or method == "POST":
                    reason = getattr(error, "reason", None) or error
                    raise HostingError(f"{_origin(url)} could not be reached: {reason}") from None
            self.sleep(wait)
        raise AssertionError("not reached")

    def _ask(self, method: str, url: str, body: Mapping[str, Any] | None) -> tuple[bytes, str]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(url, data=data, method=method)  # noqa: S310 - _url makes it http or https
        request.add_header("User-Agent", "flowerpower")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if _origin(url) == _origin(self.address):
            for name, value in self.headers.items():
                request.add_unredirected_header(name, value)
        with build_opener(_ReadersGoOn).open(request, timeout=SECONDS) as answer:
            raw = answer.read(LARGEST + 1)
            if len(raw) > LARGEST:
                raise HostingError(f"an answer of {_origin(url)} is larger than {LARGEST:,} bytes")
            return raw, str(answer.headers.get("Link", ""))

    def _told(self, method: str, url: str, error: HTTPError) -> HostingError:
        said = _message(error)
        last = error.url or url  # after redirects
        moved = error.headers.get("Location") if error.code // 100 == 3 else None
        if moved:
            hint = f"its API has moved to {_origin(urljoin(url, moved))}"
        elif _origin(last) != _origin(url):
            sent = f"{_origin(url)} sent us there, and it is not told the token"
            hint = f"{sent}: if the API has moved there, name its new address"
        else:
            hint = self._advice(error.code)
        what = f"{_origin(last)} answered {error.code} to {method} {urlsplit(last).path}"
        return HostingError(f"{what}{': ' if said else ''}{said}", hint=hint, status=error.code)

    def _advice(self, status: int) -> str:
        if status == NOT_FOUND:
            return f"{self.missing} {self.refused}" if self.missing else self.refused
        return self.refused if status in (401, 403) else "run the job again later"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _parsed(raw: bytes, address: str) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        raise HostingError(f"{_origin(address)} answered with something that is no JSON") from None


def _wait(error: HTTPError, tried: int) -> float | None:
    """Return the seconds to wait before the next try; None where another try would be no better."""
    asked = str(error.headers.get("Retry-After", ""))
    limited = error.code == 403 and (asked or error.headers.get("X-RateLimit-Remaining") == "0")
    if error.code not in _BUSY and not limited:
        return None
    return min(float(asked) if asked.isdecimal() else 2.0**tried, _LONGEST_WAIT)


def _message(error: HTTPError) -> str:
    try:
        told = json.loads(error.read(65_536))
    except (ValueError, OSError):
        return ""
    if not isinstance(told, dict):
        return ""
    if scope := told.get("scope"):  # GitLab names what the token lacks
        return f"the token lacks the scope {scope}"
    said = told.get("message") or told.get("error") or ""
    return said if isinstance(said, str) else json.dumps(said)
