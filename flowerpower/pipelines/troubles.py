"""What is said where a file or a database fails: what it was, without credentials, and what to do about it."""

from __future__ import annotations

import errno
import re

from flowerpower.filesystem import hide_credentials
from flowerpower.pipelines.failures import describe

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>()]+")
_OF_SQL = re.compile(r"\s*\n\[SQL: .*|\s*\n?\(Background on this error at: .*", re.DOTALL)  # that SQLAlchemy adds
_OF_PANDAS = re.compile(r"(\w+: )Execution failed on sql '.*?': (?=\([\w.]+\))", re.DOTALL)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = ("no space left", "disk is full", "disk full")  # where a library has only words
_GONE = frozenset({404, 410})


def told(error: BaseException) -> str:
    """Return what an error says, with nothing of the URLs in it that could be secret."""
    return _URL.sub(lambda found: hide_credentials(found[0]), _in_short(error))


def harmless(error: BaseException) -> BaseException | None:
    """Return an error that may be shown as the cause of another one: None where it says more than `told`."""
    return error if told(error) == _in_short(error) else None


def _in_short(error: BaseException) -> str:
    """Return what an error says, without the statement that a database was told and pages to read about it."""
    return _OF_PANDAS.sub(r"\1", _OF_SQL.sub("", describe(error)))


def is_absent(error: FileNotFoundError) -> bool:
    """Tell whether a file is not there, and not only out of reach: of a web server fsspec calls both the same."""
    return error.__cause__ is None or getattr(error.__cause__, "status", 0) in _GONE


def way_out_of(error: BaseException) -> str | None:
    """Return what to do about a failed save, where that is known."""
    number = getattr(error, "errno", None)
    if number in _NO_ROOM or any(words in str(error).lower() for words in _FULL):
        return "make room there, or name another place; what was there before is kept"
    if number == errno.EFBIG:
        return (
            "the process may write no file as large as that: see `ulimit -f`, LimitFSIZE of systemd, or the filesystem"
        )
    if number in _NOT_ALLOWED or isinstance(error, PermissionError):
        return "let the user or the credentials that the run has write there, or name another place"
    return None
