"""Web hooks: a CloudEvent by POST, signed as Standard Webhooks say (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException, InvalidURL
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote_to_bytes, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flowerpower.errors import UsageError
from flowerpower.messaging.delivery import Delivery
from flowerpower.messaging.message import Message

SECONDS = 15.0
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_GONE = 410
_ELSEWHERE = {301, 302, 303, 307, 308}
_MOST_DIGITS = 10  # of a number of seconds
_WORTH_ANOTHER_TRY = {408, 425, 429}


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: a signed message is for the address it was signed for."""


def post(url: str, message: Message, secret: str = "") -> Delivery:
    """Send a message to a web hook, signed if there is a secret; the answer decides whether another try is worth it."""
    body = json.dumps(message.cloud_event(), ensure_ascii=False).encode("utf-8", "backslashreplace")
    moment = int(time.time())
    headers = {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "flowerpower",
        "webhook-id": message.id,
        "webhook-timestamp": str(moment),
    }
    if secret:
        headers["webhook-signature"] = sign(secret, message.id, moment, body)
    try:
        url, login = _without_login(_in_ascii(url))
        request = Request(url, data=body, headers=headers | login, method="POST")  # noqa: S310 - the caller chose http or https
        with build_opener(_NoRedirects).open(request, timeout=SECONDS):
            return Delivery("delivered")
    except HTTPError as error:
        with error:
            return _refusal(error)
    except InvalidURL:
        return Delivery("hopeless", "its address cannot be read")
    except (URLError, HTTPException, OSError) as error:
        return Delivery("retry", f"not reached: {getattr(error, 'reason', None) or type(error).__name__}")
    except ValueError:  # it would quote the address
        return Delivery("hopeless", "its address cannot be read")


def _in_ascii(url: str) -> str:
    """Return an address as the wire has it, where people write letters of any script; raises ValueError."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    host = place if place.isascii() else place.encode("idna").decode()
    written = parts._replace(netloc=f"{login}{at}{host}").geturl()
    return _NOT_ASCII.sub(lambda found: quote(found[0]), written)


def _without_login(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without its `user:password@`, and the header that says the same."""
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    return parts._replace(netloc=place).geturl(), {
        "Authorization": f"Basic {base64.b64encode(unquote_to_bytes(login)).decode()}"
    }


def _refusal(error: HTTPError) -> Delivery:
    told = f"answered {error.code}"
    if error.code >= 500 or error.code in _WORTH_ANOTHER_TRY:
        return Delivery("retry", told, _seconds(str(error.headers.get("Retry-After", ""))))
    if error.code in _ELSEWHERE:
        return Delivery("hopeless", f"{told}, and redirects are not followed: name the address that it leads to")
    return Delivery("hopeless", f"{told}, it is gone for good" if error.code == _GONE else told)


def _seconds(after: str) -> int | None:
    """Return how long a receiver wants to be left alone, which it says in seconds or as a date."""
    if after.isascii() and after.isdecimal() and len(after) < _MOST_DIGITS:
        return int(after)
    try:
        moment = parsedate_to_datetime(after)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)  # -0000, or no zone at all, says that it is in UTC
        return max(0, math.ceil(moment.timestamp() - time.time()))
    except (ValueError, OverflowError, IndexError):
        return None


def sign(secret: str, message_id: str, moment: int, body: bytes) -> str:
    """Return the signature of a message; raise `UsageError` for a secret that is not `whsec_` and base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError(
            "the secret of web hooks is not base64", hint="make one: echo whsec_$(openssl rand -base64 32)"
        ) from None
    signed = b".".join([message_id.encode(), str(moment).encode(), body])
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
