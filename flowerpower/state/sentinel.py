"""Clients for a Redis that Sentinels watch: they ask for the master anew whenever they connect.

`redis+sentinel://user:password@host:26379,host:26379/service/db`, rediss+sentinel:// with TLS to Sentinels and Redis.
Options: `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `sentinel_username`, `sentinel_password`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from flowerpower.state.deadline import keeping_deadlines

if TYPE_CHECKING:
    from redis import Redis
    from redis.sentinel import SentinelConnectionPool

SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
_TIMEOUT = 5.0  # seconds; a Sentinel answers at once, or the next one is asked
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OF_SENTINEL = {"sentinel_username": "username", "sentinel_password": "password"}


def sentinel_client(url: str, options: Mapping[str, Any]) -> Redis:
    """Return a client for the master of a service; ValueError, which quotes nothing, for a URL that is not one."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry
    from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

    scheme, _, rest = url.partition("://")
    who, _, place = rest.rpartition("@")
    place, _, query = place.partition("?")
    hosts, _, path = place.partition("/")
    service, _, database = path.partition("/")
    asked = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    if not service or asked.keys() - {*_FILES, *_OF_SENTINEL}:
        raise ValueError("no service, or an unknown option")
    tls = _tls(scheme, asked)
    of_sentinel = {name: asked[key] for key, name in _OF_SENTINEL.items() if key in asked}
    timeouts = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT, "retry": Retry(NoBackoff(), 0)}
    addresses = [_address(host) for host in hosts.split(",")]
    sentinel = _sentinels()(addresses, sentinel_kwargs={**timeouts, **tls, **of_sentinel})
    user, _, password = who.partition(":")
    login = {name: unquote(text) for name, text in (("username", user), ("password", password)) if text}
    more = {**options, **tls, **login}
    kind = keeping_deadlines(SentinelManagedSSLConnection if "ssl" in tls else SentinelManagedConnection)
    client: Redis = sentinel.master_for(unquote(service), db=int(database or 0), connection_class=kind, **more)
    return client


@cache
def _sentinels() -> Any:
    """Return redis-py's class for Sentinels with one change: a failure says in one line what each of them answered."""
    from redis.exceptions import ConnectionError, TimeoutError
    from redis.sentinel import MasterNotFoundError, Sentinel

    class Sentinels(Sentinel):
        def __init__(self, *addresses: Any, **options: Any) -> None:
            super().__init__(*addresses, **options)  # type: ignore[no-untyped-call]
            for pool in (sentinel.connection_pool for sentinel in self.sentinels):
                pool.connection_class = keeping_deadlines(pool.connection_class)

        def discover_master(self, service_name: str) -> tuple[str, int]:
            said = []
            for position, sentinel in enumerate(self.sentinels):
                options = sentinel.connection_pool.connection_kwargs
                where = f"{options['host']}:{options['port']}"
                try:
                    masters: Any = sentinel.sentinel_masters()
                except (ConnectionError, TimeoutError) as error:
                    said.append(f"{where}: {str(error).rstrip('.')}")
                    continue
                state = masters.get(service_name)
                if state and self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
                    self.sentinels.insert(0, self.sentinels.pop(position))  # asked first from now on
                    return str(state["ip"]), int(state["port"])
                said.append(f"{where}: {'its master is down' if state else 'it watches no such service'}")
            raise MasterNotFoundError(f"no Sentinel names a master for {service_name!r} ({'; '.join(said)})")

    return Sentinels


def _tls(scheme: str, asked: Mapping[str, str]) -> dict[str, Any]:
    files = {name: asked[name] for name in _FILES if name in asked}
    if scheme == "rediss+sentinel":
        return {"ssl": True, **files}
    if files:
        raise ValueError("TLS files without TLS")
    return {}


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.strip().rpartition(":")
    if not name or not 0 < int(port) < 65536:
        raise ValueError("a Sentinel is host:port")
    return name.removeprefix("[").removesuffix("]"), int(port)


def sentinel_pool_with(pool: SentinelConnectionPool, options: Mapping[str, Any]) -> SentinelConnectionPool:
    """Return a pool for the same service with other options for its connections."""
    from redis.sentinel import SentinelConnectionPool

    own = {name: value for name, value in options.items() if name != "connection_pool"}
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]
        pool.service_name, pool.sentinel_manager, connection_class=pool.connection_class, **own
    )
