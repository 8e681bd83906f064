"""Open connections to Redis, and turn its failures into ours.

Clients that send scripts never resend on their own: when a reply is lost nobody knows whether the script ran, and
running it twice is what flowerpower promises not to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowerpower.errors import StoreError, UsageError

if TYPE_CHECKING:
    from redis import Redis

SCRIPT_TIMEOUT = 60.0  # seconds: above the longest script
_CONNECT_TIMEOUT = 5.0
_SCHEMES = ("redis", "rediss", "unix")


def connect(url: str, *, timeout: float = SCRIPT_TIMEOUT) -> Redis:
    """Return a client for a redis://, rediss:// or unix:// URL; nothing is sent yet.

    Raises `UsageError` when the URL cannot be one.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if urlsplit(url).scheme not in _SCHEMES:
        raise UsageError(
            f"{hide_credentials(url)!r} is not a Redis URL",
            hint="write redis://host:port/db, rediss://..., unix:///path/to.sock, or embedded",
        )
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "socket_timeout": timeout}
    if not url.startswith("unix"):
        options |= {"socket_connect_timeout": _CONNECT_TIMEOUT, "socket_keepalive": True}
    try:
        return redis.Redis.from_url(url, **options)
    except ValueError as error:
        raise UsageError(f"{hide_credentials(url)!r} is not a Redis URL: {error}") from None


def without_retries(connection: Redis) -> Redis:
    """Return a client for the server of *connection* that is fit to send scripts: it never resends on its own."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    pool = connection.connection_pool
    options: dict[str, Any] = {
        **pool.connection_kwargs,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": SCRIPT_TIMEOUT,
    }
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=pool.connection_class, **options))


def hide_credentials(url: str) -> str:
    """Return the URL without its user and password, fit to be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the given URL"
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]).geturl()


@contextmanager
def redis_errors(doing: str) -> Iterator[None]:
    """Raise `StoreError` for every failure of Redis while *doing* (a phrase such as `reading the live state`)."""
    from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

    try:
        yield
    except (AuthenticationError, NoPermissionError) as error:
        raise StoreError(
            f"Redis refused {doing}: {error}", hint="check the user, its password and its ACL rules"
        ) from error
    except (RedisError, OSError) as error:
        raise StoreError(f"Redis failed while {doing}: {error}") from error
