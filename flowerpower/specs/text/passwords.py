"""What is quoted of specs shows no password of a URL that stands there: logs are kept, and read by more people."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?<=://)[^/@\n\"']{1,200}(?=@)")
_VARIABLE = re.compile(r"(\$\{[^}\n]*\})")


def without_passwords(text: str) -> str:
    """Return a text with stars for the passwords of URLs, as long as before; variables are kept."""
    return _LOGIN.sub(lambda login: _starred(login[0]), text) if "://" in text else text


def _starred(login: str) -> str:
    shown, is_password = "", False
    for piece in _VARIABLE.split(login):
        if piece.startswith("${"):
            shown += piece
            continue
        user, colon, password = ("", "", piece) if is_password else piece.partition(":")
        is_password |= bool(colon)
        shown += f"{user}{colon}{'*' * len(password)}"
    return shown
