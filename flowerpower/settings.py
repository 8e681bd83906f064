"""Flags and environment variables to `Settings`; nothing else in the package reads `os.environ`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

_PREFIX = "FLOWERPOWER_"
_VARIABLE_PREFIX = "FLOWERPOWER_VAR_"
_IMPORTED_BY_RUNS = f"{_PREFIX}IMPORTED_BY_RUNS"  # from a worker to what it starts as anew, and to nobody else
_NEVER_SHOWN = frozenset({"url", "storage_options", "redis", "environment", "signing_key"})  # they may hold secrets


class Settings(NamedTuple):
    """What a command was asked to do, from flags first and environment variables second."""

    project: Path = Path()
    url: str = ""  # of a project that is in no folder; may hold credentials
    storage_options: Mapping[str, Any] = {}  # for that URL; likewise
    env: str = "default"
    env_named: bool = False  # by a flag or a variable
    redis: str | None = None  # may hold a password
    variables: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}  # may hold credentials
    rq_prefix: str = "rq"
    redis_server: Path | None = None  # the program behind `redis: embedded`; None: find one
    runtime_dir: Path | None = None  # where its socket goes; None: the temporary directory
    cache_dir: Path | None = None  # where verdicts on specs are kept; None: nowhere
    commit: str | None = None  # that the project on this machine is at, where git cannot tell: an image, an archive
    signing_key: str | None = None  # what apply signs with and workers accept
    untrusted: bool = False  # the checkout is somebody else's: it says neither what is run nor where Redis is

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name not in _NEVER_SHOWN)
        return f"Settings({', '.join(shown)})"


def read_settings(
    *,
    project: Path | None = None,
    env: str | None = None,
    redis: str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of this process; a flag wins over its `FLOWERPOWER_...` variable."""
    environment = dict(os.environ if environ is None else environ)  # which decodes each name and value but once
    from_environment = {
        name.removeprefix(_VARIABLE_PREFIX): value
        for name, value in environment.items()
        if name.startswith(_VARIABLE_PREFIX)
    }
    return Settings(
        project=project or Path(environment.get(f"{_PREFIX}PROJECT", ".")),
        env=env or environment.get(f"{_PREFIX}ENV") or "default",
        env_named=bool(env or environment.get(f"{_PREFIX}ENV")),
        redis=redis or environment.get(f"{_PREFIX}REDIS") or None,
        variables={**from_environment, **(variables or {})},
        environment=environment,
        rq_prefix=environment.get("RQ_KEY_PREFIX", "rq"),
        redis_server=_path(environment.get(f"{_PREFIX}TEST_REDIS_SERVER")),
        runtime_dir=_path(environment.get("XDG_RUNTIME_DIR")),
        cache_dir=_cache_dir(environment),
        commit=environment.get(f"{_PREFIX}COMMIT") or None,
        signing_key=environment.get(f"{_PREFIX}SIGNING_KEY"),
    )


def _cache_dir(environment: Mapping[str, str]) -> Path | None:
    if named := environment.get(f"{_PREFIX}CACHE_DIR"):
        return _path(named)
    around = environment.get("XDG_CACHE_HOME") or (environment.get("HOME") and f"{environment['HOME']}/.cache")
    return Path(around) / "flowerpower" if around else None


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def plugins_are_off() -> bool:
    """Tell whether FLOWERPOWER_DISABLE_PLUGINS switches all plug-ins off in this process."""
    return os.environ.get(f"{_PREFIX}DISABLE_PLUGINS", "").lower() not in ("", "0", "false", "no")


def hand_on_code(fingerprint: str) -> None:
    """Tell what this process starts as anew that the code of this fingerprint is to be imported by runs."""
    os.environ[_IMPORTED_BY_RUNS] = fingerprint


def handed_on_code() -> str:
    """Return the code that was handed on so, if any; runs do not see it."""
    return os.environ.pop(_IMPORTED_BY_RUNS, "")


@contextmanager
def kept_environment() -> Iterator[None]:
    """Put the environment back after the block as it was before: a run may change it, and another follows it."""
    before = dict(os.environ)
    try:
        yield
    finally:
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def default_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Give variables that are not set a value for the length of the block: other libraries read them."""
    ours = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def look_for_cycles_rarely() -> None:
    """Tune this process for many small values that live on: looking for cycles among them would be half of its work."""
    gc.set_threshold(200_000, 20, 100)


def look_for_no_cycles() -> None:
    """The same for a process that makes values, ends soon and runs nobody else's code: cycles end with it."""
    gc.disable()


def leave_out_pydantic_plugins() -> None:
    """Let pydantic look for no plug-ins, which takes longer than a check; for processes that run our own code alone."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


_CORE = "pydantic_core"


def load_core_alone() -> None:
    """Load pydantic's core without its package, whose types for writers of schemas take longer to load than a check.

    For the start of a process that runs our own code alone; others' code needs `complete_core` first.
    """
    from importlib.util import find_spec, module_from_spec

    spec = find_spec(_CORE) if _CORE not in sys.modules else None
    if spec is not None:
        sys.modules[_CORE] = module_from_spec(spec)  # it stands for the package, whose own code is not run
        try:
            import_module(f"{_CORE}._{_CORE}")
        finally:
            del sys.modules[_CORE]


def complete_core() -> None:
    """Load the package around a core that was loaded alone, and make the core a part of it, as an import does."""
    if (core := sys.modules.get(f"{_CORE}._{_CORE}")) is not None:
        setattr(import_module(_CORE), f"_{_CORE}", core)
