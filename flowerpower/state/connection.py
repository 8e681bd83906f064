"""Open connections to Redis, and turn its failures into ours.

Clients that send scripts never resend on their own: when a reply is lost nobody knows whether the script ran, and
running it twice is what flowerpower promises not to do.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from flowerpower.errors import StoreError, UsageError
from flowerpower.state.deadline import keeping_deadlines
from flowerpower.state.sentinel import SENTINEL_SCHEMES, sentinel_client, sentinel_pool_with
from flowerpower.state.tls import wrong_with_tls_files

if TYPE_CHECKING:
    from redis import Redis

SCRIPT_TIMEOUT = 60.0  # seconds: above the longest script
_CONNECT_TIMEOUT = 5.0
_SILENCE = 5.0  # seconds without an answer, after which somebody is told that we wait
_SCHEMES = ("redis", "rediss", "unix", *SENTINEL_SCHEMES)
_WANTS_LOGIN = re.compile("HELLO must be called|Authentication required")
_FORMS = (
    "write redis://host:port/db, rediss://..., unix:///path/to.sock, redis+sentinel://host:port,host:port/service, "
    "or embedded; escape a / in a password as %2F"
)


def connect(url: str, *, timeout: float = SCRIPT_TIMEOUT) -> Redis:
    """Return a client for a redis://, rediss://, unix:// or redis+sentinel:// URL; nothing is sent yet.

    Raises `UsageError` when the URL cannot be one.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "socket_timeout": timeout, **_about_us()}
    if not url.startswith("unix"):
        options |= {"socket_connect_timeout": min(timeout, _CONNECT_TIMEOUT), "socket_keepalive": True}
    return _client(url, options)


def connect_for_rq(url: str) -> Redis:
    """Return a client as RQ's own workers use it, which resends where RQ may; raises `UsageError` as `connect` does."""
    return _client(url, dict(_about_us()))


@cache
def _about_us() -> dict[str, Any]:
    """Return what redis-py tells the server of itself: it would look for its own version anew at each connection."""
    try:
        from redis.driver_info import DriverInfo
    except ImportError:  # of an older redis-py
        return {}
    return {"driver_info": DriverInfo()}


def _client(url: str, options: dict[str, Any]) -> Redis:
    import redis

    scheme = url.partition("://")[0]
    if scheme not in _SCHEMES:
        raise UsageError(f"{hide_credentials(url)} is not a Redis URL", hint=_FORMS)
    try:
        if scheme in SENTINEL_SCHEMES:
            return sentinel_client(url, options)
        client = redis.Redis.from_url(url, **options)
        client.connection_pool.connection_class = _ours(client.connection_pool.connection_class)
        client.connection_pool.make_connection()  # it sends nothing, but it knows all of its options
    except (ValueError, TypeError):  # their words may quote the password
        raise UsageError(f"{hide_credentials(url)} is not a Redis URL", hint=_FORMS) from None
    return client


def _ours(kind: Any) -> Any:
    return _leaving_replicas(keeping_deadlines(kind))


@cache
def _leaving_replicas(kind: Any) -> Any:
    """Return a kind of connection that connects anew after it has met a replica, as those of Sentinels do.

    Behind its name or address there may be another server by now; the old one, no master any more, closes nothing.
    """
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import ResponseError

    class TlsFileError(RedisConnectionError):
        pass

    class Leaving(kind):  # type: ignore[misc]
        _leaves = False

        def connect(self, *how: Any, **more: Any) -> None:
            try:
                super().connect(*how, **more)
            except RedisConnectionError as error:
                if wrong := wrong_with_tls_files(self):  # redis-py tells of them as if the server said so
                    raise TlsFileError(wrong) from error
                raise

        def read_response(self, *how: Any, **more: Any) -> Any:
            try:
                return super().read_response(*how, **more)
            except ResponseError as error:
                self._leaves |= is_of_a_replica(error)  # once the other replies of a pipeline are read
                raise

        def send_packed_command(self, *command: Any, **more: Any) -> None:
            if self._leaves:
                self._leaves = False
                self.disconnect()
            super().send_packed_command(*command, **more)

    return Leaving


def without_retries(connection: Redis, timeout: float = SCRIPT_TIMEOUT) -> Redis:
    """Return a client for the server of *connection* that is fit to send scripts: it never resends on its own."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
    from redis.sentinel import SentinelConnectionPool

    pool = connection.connection_pool
    options: dict[str, Any] = {
        **pool.connection_kwargs,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
    }
    if isinstance(pool, SentinelConnectionPool):
        return redis.Redis(connection_pool=sentinel_pool_with(pool, options))
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=pool.connection_class, **options))


def hide_credentials(url: str) -> str:
    """Return the URL fit to be shown: no user, no password, no query, also where it is not written as it should be."""
    scheme, parted, rest = url.partition("://")
    if not parted or not re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", scheme):
        return "(hidden)"
    user, at, place = rest.rpartition("@")
    place, asked, _ = place.partition("?")
    return f"{scheme}://{'***@' if user or at else ''}{place}{'?***' if asked else ''}"


def be_patient(connection: Redis, seconds: float) -> None:
    """Wait that long for each reply from now on; the open connections are closed."""
    pool = connection.connection_pool
    pool.connection_kwargs["socket_timeout"] = seconds
    pool.disconnect()


def is_away(error: BaseException) -> bool:
    """Tell whether a failure means that Redis does not answer, rather than that it refused one thing."""
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import TimeoutError as RedisTimeoutError

    return isinstance(error.__cause__, (RedisConnectionError, RedisTimeoutError, OSError))


def is_of_a_replica(error: BaseException | None) -> bool:
    """Tell whether what Redis' client raised means that this server is a replica, which takes no write."""
    from redis.exceptions import ReadOnlyError

    return isinstance(error, ReadOnlyError) or said_first(error) in ("READONLY", "UNBLOCKED")


def refuses_writes(error: BaseException | None) -> bool:
    """Tell whether what Redis' client raised means that Redis takes no write for now, whatever it is."""
    from redis.exceptions import OutOfMemoryError

    if isinstance(error, OutOfMemoryError) or is_of_a_replica(error):
        return True
    return said_first(error) in ("OOM", "MISCONF", "NOREPLICAS")


def is_late(error: BaseException) -> bool:
    """Tell whether a failure is a reply that did not come in time."""
    from redis.exceptions import TimeoutError as RedisTimeoutError

    return isinstance(error.__cause__, (RedisTimeoutError, TimeoutError))


_listeners: list[Callable[[str], None]] = []  # whom to tell that Redis lets us wait; each is told once


def tell_of_silence(say: Callable[[str], None]) -> None:
    """Have *say* called, once in this process, when Redis has not answered for seconds."""
    _listeners[:] = [say]


@contextmanager
def _silence_told(doing: str) -> Iterator[None]:
    if not _listeners:
        yield
        return

    def tell() -> None:
        while _listeners:
            _listeners.pop()(f"Redis does not answer yet ({doing}); waiting a minute at most ...")

    timer = threading.Timer(_SILENCE, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_NO_ANSWER = (
    "it took the connection and said nothing: is it busy, is it a Redis, and does the URL fit the port "
    "(rediss:// for TLS, redis:// without)? To give the command again is safe"
)
_FULL = "Redis is full: raise its maxmemory, or remove what nobody needs"
_REPLICA = "this server is a replica: connect to the primary, or through Sentinel"
_ADVICE = {  # by the first word of what Redis says, or by redis-py's class where that swallows it
    "OutOfMemoryError": _FULL,
    "OOM": _FULL,
    "ReadOnlyError": _REPLICA,
    "READONLY": _REPLICA,
    "UNBLOCKED": _REPLICA,  # what waited there when it became one is told
    "BusyLoadingError": "Redis is still reading its data: it will answer when it is done",
    "MISCONF": "Redis cannot write to its disk and refuses changes: is the disk full?",
    "NOREPLICAS": "too few replicas are connected (min-replicas-to-write)",
    "MASTERDOWN": "this replica has lost its primary: connect to the primary",
    "WRONGTYPE": "a key was replaced by one of another type: `flowerpower doctor` names it",
    "BUSY": "a script has run for long: wait for its end",
    "TimeoutError": _NO_ANSWER,
    "TlsFileError": "it is read by the user who runs this: check its path, its permissions, and what is in it",
}


_FORBIDDEN = "The user executing the script can't "  # as a Redis before 7.0 says it
_IN_SCRIPT = re.compile(r"(?:ERR )?Error running script \(.{1,100}?\): (?:@user_script: ?\d+: )+-?([A-Z]+) ")


def _advice(error: Exception) -> str | None:
    return _ADVICE.get(type(error).__name__) or _ADVICE.get(said_first(error))


def said_first(error: BaseException | None) -> str:
    """Return the code that Redis began with; a pipeline puts words before it, and so does a script before 7.0."""
    said = str(error).rpartition("caused error: ")[2]
    in_script = _IN_SCRIPT.match(said)
    return in_script[1] if in_script else said.split(" ", 1)[0]


@contextmanager
def redis_errors(doing: str) -> Iterator[None]:
    """Raise `StoreError` for every failure of Redis while *doing* (a phrase such as `reading the live state`)."""
    from redis.exceptions import DataError, RedisError

    try:
        with _silence_told(doing):
            yield
    except DataError as error:  # which the client finds, and no server needs to be looked at for it
        raise UsageError(f"{doing} was asked for something of a wrong type: {error}") from error
    except (RedisError, OSError) as error:
        raise as_ours(error, doing) from error
    except UnicodeEncodeError as error:
        text = error.object.encode(errors="backslashreplace").decode()
        raise UsageError(f"'{text[:100]}' is no text that Redis can hold", hint="write it in UTF-8") from error


def as_ours(error: Exception, doing: str) -> StoreError:
    """Return what a failure of Redis means for people, with a way out."""
    from redis.exceptions import AuthenticationError, NoPermissionError

    if isinstance(error, (AuthenticationError, NoPermissionError)) or _FORBIDDEN in str(error):
        said = "it wants a password and was given none" if _WANTS_LOGIN.search(str(error)) else str(error)
        return StoreError(f"Redis refused {doing}: {said}", hint="check the user, its password and its ACL rules")
    return StoreError(f"Redis failed while {doing}: {error}", hint=_advice(error))
