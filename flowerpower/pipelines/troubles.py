"""What is said where a file or a database fails: what it was, without credentials, and what to do about it."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import NamedTuple

from flowerpower.filesystem import hide_credentials
from flowerpower.pipelines.failures import describe

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>()]+")
_OF_SQL = re.compile(r"\s*\n\[SQL: .*|\s*\n?\(Background on this error at: .*", re.DOTALL)  # that SQLAlchemy adds
_OF_PANDAS = re.compile(r"(\w+: )Execution failed on sql '.*?': (?=\([\w.]+\))", re.DOTALL)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = ("no space left", "disk is full", "disk full")  # where a library has only words
_GONE = frozenset({404, 410})
_DEEPEST_CHAIN = 8
_NAMES = (
    "the name of the host is not known here: check its spelling, and the name servers of the machine that runs this"
)
_NOBODY = "nothing listens there: check host and port, and that the server runs"
_UNKNOWN_HERE = frozenset({401, 403, 407})
_NO_SFTP = "what answers there speaks no sftp, or is too busy: check host and port"
_NO_PARAMETER = "give it under `params`; a colon in a query that begins no parameter is written `\\:`"
_NO_ANSWER = "no answer came: check host and port, and what lies between, as firewalls, networks and proxies"
_LOGIN = "check user and password, or the secret that holds them"
_CERTIFICATE = (
    "the certificate is not trusted here: give the file of who signed it, as in SSL_CERT_FILE, or check the host"
)


class _Kind(NamedTuple):
    """Errors with one way out, known by the names of their classes, by numbers of the system, or by what they say."""

    hint: str
    names: frozenset[str]
    numbers: frozenset[int] = frozenset()
    words: tuple[str, ...] = ()  # where a library has only words


_KNOWN = (
    _Kind(_NO_SFTP, frozenset(), words=("ssh protocol banner",)),
    _Kind(_NO_PARAMETER, frozenset(), words=("a value is required for bind parameter",)),
    _Kind(_CERTIFICATE, frozenset({"SSLCertVerificationError"}), words=("certificate verify failed",)),
    _Kind(
        _NAMES,
        frozenset({"gaierror", "ClientConnectorDNSError"}),
        words=("name or service not known", "failed to resolve host", "could not translate host name"),
    ),
    _Kind(
        _LOGIN,
        frozenset({"AuthenticationException", "LogonFailure", "SMBAuthenticationError", "NoCredentialsError"}),
        words=("authentication failed for user", "access denied for user", "login failed for user", "error_perm: 530"),
    ),
    _Kind(
        _NOBODY,
        frozenset({"ConnectionRefusedError", "NoValidConnectionsError", "EndpointConnectionError"}),
        frozenset({errno.ECONNREFUSED}),
        ("connection refused",),
    ),
    _Kind(
        _NO_ANSWER,
        frozenset({"TimeoutError", "FSTimeoutError"}),
        frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN}),
        ("timed out", "connection timeout expired"),
    ),
)


def told(error: BaseException) -> str:
    """Return what an error says, with nothing of the URLs in it that could be secret."""
    return _URL.sub(lambda found: hide_credentials(found[0]), _in_short(error))


def harmless(error: BaseException) -> BaseException | None:
    """Return an error that may be shown as the cause of another one: None where it says more than `told`."""
    return error if told(error) == _in_short(error) else None


def _in_short(error: BaseException) -> str:
    """Return what an error says, without the statement that a database was told and pages to read about it."""
    return _OF_PANDAS.sub(r"\1", _OF_SQL.sub("", describe(error))).replace("\t", "  ")


def is_absent(error: FileNotFoundError) -> bool:
    """Tell whether a file is not there, and not only out of reach: of a web server fsspec calls both the same."""
    return error.__cause__ is None or getattr(error.__cause__, "status", 0) in _GONE


def way_to(error: BaseException) -> str | None:
    """Return what to check where a server was not reached, let nobody in or lacks something, if an error says so."""
    chain = list(_chain(error))
    if any(getattr(each, "status", 0) in _UNKNOWN_HERE for each in chain):
        return _LOGIN
    return next((kind.hint for kind in _KNOWN if any(_is_of(each, kind) for each in chain)), None)


def _is_of(error: BaseException, kind: _Kind) -> bool:
    if kind.names & {base.__name__ for base in type(error).__mro__} or getattr(error, "errno", None) in kind.numbers:
        return True
    said = describe(error).lower()
    return any(words in said for words in kind.words)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of, as far as those are told of."""
    seen = 0
    current: BaseException | None = error
    while current is not None and seen < _DEEPEST_CHAIN:
        yield current
        seen += 1
        current = current.__cause__ or current.__context__


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
