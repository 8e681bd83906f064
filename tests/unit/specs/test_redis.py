"""The forms of `redis:`, what is wrong with some, and the URL each stands for."""

from __future__ import annotations

from typing import Any

import pytest

from flowerpower.errors import SpecError
from flowerpower.specs.project_spec import ProjectSpec, RedisSpec
from flowerpower.specs.redis import check_redis, redis_url, unset_in

ENVIRONMENT = {"PW": "p@ss/w?rd&", "HOSTS": "a:1,b:2", "URL": "rediss://host/1"}


def of(value: Any) -> str | RedisSpec:
    return ProjectSpec.model_validate({"name": "acme", "redis": value}).redis


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("embedded", []),
        ("redis://host/0", []),
        ("redis+sentinel://a:1,b:2/main", []),
        ("${env:URL}", []),
        ("http://host", [("FP103", ())]),
        ("redis://:hunter2@host", [("FP307", ())]),
        ({}, [("FP102", ())]),
        ({"url": "rediss://host", "sentinels": ["a:1"], "service": "main"}, [("FP102", ())]),
        ({"url": "embedded"}, [("FP103", ("url",))]),
        ({"url": "rediss://u:hunter2@host"}, [("FP307", ("url",))]),
        ({"url": "redis://host", "tls_ca_file": "ca.pem"}, [("FP306", ("url",))]),
        ({"url": "rediss://host", "tls_ca_file": "ca.pem"}, []),
        ({"url": "rediss://host", "service": "m", "tls": True}, [("FP306", ("service",)), ("FP306", ("tls",))]),
        ({"url": "rediss://host", "tls_key_file": "a.key"}, [("FP102", ())]),
        ({"sentinels": ["a:1", "${env:HOSTS}"], "service": "main"}, []),
        ({"sentinels": ["a:1"]}, [("FP102", ())]),
        ({"sentinels": ["a", "[::1]:1", "a:b"], "service": "m"}, [("FP103", ("sentinels", n)) for n in (0, 2)]),
        ({"sentinels": ["a:1:2", "redis://a:1"], "service": "m"}, [("FP103", ("sentinels", n)) for n in (0, 1)]),
        ({"sentinels": ["a:1"], "service": "m", "password": "hunter2"}, [("FP307", ("password",))]),
        ({"sentinels": ["a:1"], "service": "m", "sentinel_password": "hunter2"}, [("FP307", ("sentinel_password",))]),
    ],
)
def test_what_cannot_work_is_told_where_it_stands_without_showing_it(written: Any, found: list[Any]) -> None:
    problems = list(check_redis(of(written)))

    assert [(code, path) for code, path, *_ in problems] == found
    assert all(hint for _, _, _, hint, _ in problems)
    assert "hunter2" not in str(problems)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("embedded", "embedded"),
        ("redis://:${env:PW}@host", "redis://:p@ss/w?rd&@host"),
        ({"url": "${env:URL}", "tls_ca_file": "tls/ca.pem"}, "rediss://host/1?ssl_ca_certs=%2Facme%2Ftls%2Fca.pem"),
        (
            {"url": "rediss://h/0?timeout=3", "tls_cert_file": "/c.pem", "tls_key_file": "/c.key"},
            "rediss://h/0?timeout=3&ssl_certfile=%2Fc.pem&ssl_keyfile=%2Fc.key",
        ),
        ({"sentinels": ["a:1", "b:2"], "service": "main"}, "redis+sentinel://a:1,b:2/main/0"),
        (
            {
                "sentinels": ["${env:HOSTS}"],
                "service": "my main",
                "database": 3,
                "username": "me",
                "password": "${env:PW}",
            },
            "redis+sentinel://me:p%40ss%2Fw%3Frd%26@a:1,b:2/my%20main/3",
        ),
        (
            {"sentinels": ["a:1"], "service": "main", "sentinel_password": "${env:PW}", "tls": True},
            "rediss+sentinel://a:1/main/0?sentinel_password=p%40ss%2Fw%3Frd%26",
        ),
        (
            {"sentinels": ["a:1"], "service": "main", "tls_ca_file": "ca.pem"},
            "rediss+sentinel://a:1/main/0?ssl_ca_certs=%2Facme%2Fca.pem",
        ),
    ],
)
def test_every_form_stands_for_one_url(written: Any, url: str) -> None:
    assert redis_url(of(written), ENVIRONMENT, "/acme") == url


def test_tls_files_beside_a_url_that_turns_out_to_be_plain_are_refused() -> None:
    with pytest.raises(SpecError) as caught:
        redis_url(of({"url": "${env:PLAIN}", "tls_ca_file": "ca.pem"}), {"PLAIN": "redis://:hunter2@host"}, "/acme")

    assert "rediss://" in str(caught.value.problems[0])
    assert "hunter2" not in str(caught.value)


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        redis_url(of({"sentinels": ["a:1"], "service": "m", "password": "${env:NOPE}"}), ENVIRONMENT, "/acme")

    assert "NOPE is not set" in str(caught.value)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("redis://${env:NOPE}", ()),
        ({"url": "redis://${env:NOPE}"}, ("url",)),
        ({"sentinels": ["a:1"], "service": "m", "password": "${env:NOPE}"}, ("password",)),
        ({"sentinels": ["a:1", "${env:NOPE}:1"], "service": "m"}, ("sentinels", 1)),
        ({"sentinels": ["a:1"], "service": "m"}, ()),
    ],
)
def test_where_a_variable_is_not_set_is_told(written: Any, path: tuple[object, ...]) -> None:
    assert unset_in(of(written), {}) == path
