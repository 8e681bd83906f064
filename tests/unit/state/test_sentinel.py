"""URLs of Sentinels become clients, and what is none is refused without showing its passwords."""

from __future__ import annotations

import re

import pytest
from redis.sentinel import SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection

from flowerpower.errors import UsageError
from flowerpower.state.connection import connect, hide_credentials, without_retries


def pool_of(url: str) -> SentinelConnectionPool:
    pool = connect(url).connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    return pool


def test_a_url_names_sentinels_service_database_and_who_asks() -> None:
    pool = pool_of("redis+sentinel://me:p%40ss@a:1,[::1]:2/my%20main/3?sentinel_username=w&sentinel_password=s%26")

    found = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]
    assert [(options["host"], options["port"]) for options in found] == [("a", 1), ("::1", 2)]
    assert {(options["username"], options["password"]) for options in found} == {("w", "s&")}
    assert (pool.service_name, pool.connection_kwargs["db"]) == ("my main", 3)
    assert (pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == ("me", "p@ss")
    assert issubclass(pool.connection_class, SentinelManagedConnection)


def test_tls_covers_the_sentinels_and_redis() -> None:
    pool = pool_of("rediss+sentinel://a:1/main?ssl_ca_certs=%2Fca.pem")

    [sentinel] = pool.sentinel_manager.sentinels
    assert issubclass(pool.connection_class, SentinelManagedSSLConnection)
    assert pool.connection_kwargs["ssl_ca_certs"] == "/ca.pem"
    assert sentinel.connection_pool.connection_kwargs["ssl_ca_certs"] == "/ca.pem"


def test_a_client_for_scripts_asks_the_same_sentinels_and_never_resends() -> None:
    client = connect("rediss+sentinel://me:pw@a:1/main/2")

    again = without_retries(client).connection_pool

    assert isinstance(again, SentinelConnectionPool)
    assert again.sentinel_manager is client.connection_pool.sentinel_manager
    assert again.service_name == "main"
    assert issubclass(again.connection_class, SentinelManagedSSLConnection)
    assert again.connection_kwargs["connection_pool"] is again.proxy
    assert again.connection_kwargs["retry"].get_retries() == 0
    assert (again.connection_kwargs["db"], again.connection_kwargs["password"]) == (2, "pw")


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://:hunter2@a:1",
        "redis+sentinel://:hunter2@a:1/",
        "redis+sentinel://:hunter2@a/main",
        "redis+sentinel://:hunter2@a:x/main",
        "redis+sentinel://:hunter2@a:70000/main",
        "redis+sentinel://:hunter2@/main",
        "redis+sentinel://:hunter2@a:1/main/x",
        "redis+sentinel://a:1/main?sentinel_pasword=hunter2",
        "redis+sentinel://a:1/main?hunter2",
        "redis+sentinel://:hunter2@a:1/main?ssl_ca_certs=x",
    ],
)
def test_what_is_no_url_of_sentinels_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="is not a Redis URL") as caught:
        connect(url)

    assert "hunter2" not in re.split(r"\W", f"{caught.value} {caught.value.hint} {caught.value.__cause__}")


def test_a_shown_url_of_sentinels_keeps_the_places_only() -> None:
    shown = hide_credentials("redis+sentinel://me:pw@a:1,b:2/main/0?sentinel_password=s")

    assert shown == "redis+sentinel://***@a:1,b:2/main/0?***"
