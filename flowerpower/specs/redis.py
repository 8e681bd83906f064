"""The `redis:` of a project: what is wrong with it, and the one URL it stands for when flowerpower connects.

Its values are credentials or may hold some, so no message of this module ever quotes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowerpower.errors import Place, Problem, Severity, SpecError
from flowerpower.specs.codes import CODES
from flowerpower.specs.placeholders import Path, resolve_redis

if TYPE_CHECKING:
    from flowerpower.specs.project_spec import RedisSpec

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")

_FILES = {"tls_ca_file": "ssl_ca_certs", "tls_cert_file": "ssl_certfile", "tls_key_file": "ssl_keyfile"}
_SECRETS = ("password", "sentinel_password")
_WITH_SENTINELS = ("service", "database", "username", "password", "sentinel_username", "sentinel_password", "tls")
_ADDRESS = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@,]+):[0-9]{1,5}"
_NO_TLS = "TLS files have no effect on a redis:// or unix:// URL"


def check_redis(redis: str | RedisSpec) -> Iterator[tuple[str, Path, str, str, Severity]]:
    """Yield code, path below `redis`, what is wrong, what to do, and how bad it is."""
    if not isinstance(redis, str):
        yield from _check_mapping(redis)
    elif redis != "embedded":
        yield from _check_url(redis, ())


def _check_url(url: str, path: Path) -> Iterator[tuple[str, Path, str, str, Severity]]:
    name = "`redis.url`" if path else "`redis`"
    if not url.startswith(("${", *(f"{scheme}://" for scheme in SCHEMES))):
        allowed = "no" if path else "neither `embedded` nor a"
        hint = f"write for example `{'url' if path else 'redis'}: redis://localhost:6379/0`"
        yield "FP103", path, f"{name} is {allowed} redis://, rediss:// or unix:// URL", hint, "error"
    elif _holds_password(url):
        yield _open_password(path, name)


def _open_password(path: Path, name: str) -> tuple[str, Path, str, str, Severity]:
    what = f"{name} holds a password for everyone who can read the repository"
    return "FP307", path, what, CODES["FP307"].advice, "warning"


def _holds_password(url: str) -> bool:
    user, at, place = url.partition("://")[2].rpartition("@")
    password = user.partition(":")[2] if at else ""
    asked = place.partition("?")[2].partition("password=")[2]
    return any(text and not text.startswith("${") for text in (password, asked))


def _check_mapping(redis: RedisSpec) -> Iterator[tuple[str, Path, str, str, Severity]]:
    if (redis.url is None) == (not redis.sentinels):
        what = "`redis` has both `url` and `sentinels`" if redis.url else "`redis` has neither `url` nor `sentinels`"
        yield "FP102", (), what, "write exactly one of the two", "error"
    elif redis.url is not None:
        yield from _check_url(redis.url, ("url",))
        yield from _without_effect(redis, _WITH_SENTINELS, "write it into the URL, or name `sentinels`")
        if redis.url.startswith(("redis://", "unix://")) and redis.model_fields_set & _FILES.keys():
            yield "FP306", ("url",), _NO_TLS, "write rediss://", "error"
    else:
        yield from _check_sentinels(redis)
    if (redis.tls_cert_file is None) != (redis.tls_key_file is None):
        yield "FP102", (), "`tls_cert_file` and `tls_key_file` go together", "write both, or neither", "error"


def _check_sentinels(redis: RedisSpec) -> Iterator[tuple[str, Path, str, str, Severity]]:
    if redis.service is None:
        hint = "add it, for example `service: main`"
        yield "FP102", (), "the Sentinels need the name of the `service` they watch", hint, "error"
    for position, address in enumerate(redis.sentinels):
        if "${" not in address and not re.fullmatch(_ADDRESS, address):
            hint = "write it as redis-1.example:26379"
            yield "FP103", ("sentinels", position), "a Sentinel is host:port", hint, "error"
    for name in _SECRETS:
        text = getattr(redis, name)
        if text and not text.startswith("${"):
            yield _open_password((name,), f"`redis.{name}`")


def _without_effect(
    redis: RedisSpec, names: tuple[str, ...], hint: str
) -> Iterator[tuple[str, Path, str, str, Severity]]:
    for name in names:
        if name in redis.model_fields_set:
            yield "FP306", (name,), f"`{name}` has no effect beside `url`", hint, "error"


def redis_url(redis: str | RedisSpec, environment: Mapping[str, str], folder: str) -> str:
    """Return `embedded` or the URL to connect to, with `${env:...}` filled in; SpecError if a variable is not set.

    TLS files are relative to *folder*. Sentinels become a redis+sentinel:// URL, as `state.connection` reads it.
    """
    from urllib.parse import urlencode

    if isinstance(redis, str):
        return resolve_redis(redis, environment)
    texts = {name: value for name, value in redis if isinstance(value, str)}
    filled = {name: resolve_redis(value, environment) for name, value in texts.items()}
    options = {key: _file(filled[name], folder) for name, key in _FILES.items() if name in filled}
    if redis.url is None:
        return _sentinel_url(redis, filled, options, environment)
    if options and not filled["url"].startswith(("rediss://", "rediss+sentinel://")):
        raise SpecError([Problem("FP306", Place("flowerpower.yaml"), f"redis: {_NO_TLS}", "write rediss://")])
    joint = "&" if "?" in filled["url"] else "?"
    return filled["url"] + (f"{joint}{urlencode(options)}" if options else "")


def unset_in(redis: str | RedisSpec, environment: Mapping[str, str]) -> Path:
    """Return where in `redis:` the first variable is that is not set; nothing where it is a text, or all are set."""
    if isinstance(redis, str):
        return ()
    texts: list[tuple[Path, str]] = [((name,), value) for name, value in redis if isinstance(value, str)]
    texts += [(("sentinels", position), text) for position, text in enumerate(redis.sentinels)]
    for path, text in texts:
        try:
            resolve_redis(text, environment)
        except SpecError:
            return path
    return ()


def _sentinel_url(
    redis: RedisSpec, filled: Mapping[str, str], options: Mapping[str, str], environment: Mapping[str, str]
) -> str:
    from urllib.parse import quote, urlencode

    scheme = "rediss+sentinel" if redis.tls or options else "redis+sentinel"
    user, password = (quote(filled.get(name, ""), safe="") for name in ("username", "password"))
    hosts = ",".join(resolve_redis(address, environment) for address in redis.sentinels)
    of_sentinel = {name: filled[name] for name in ("sentinel_username", "sentinel_password") if name in filled}
    query = urlencode({**options, **of_sentinel})
    who = f"{user}:{password}@" if user or password else ""
    place = f"{quote(filled.get('service', ''), safe='')}/{redis.database}"
    return f"{scheme}://{who}{hosts}/{place}{f'?{query}' if query else ''}"


def _file(path: str, folder: str) -> str:
    return path if path.startswith("/") else f"{folder}/{path}"
