"""Where secrets come from: environment variables, then a folder of files, one for each secret, then plug-ins.

Docker and Kubernetes mount secrets as such folders. A value is read when a run asks for it and is kept nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowerpower.errors import PipelineError
from flowerpower.pipelines.failures import is_time_limit
from flowerpower.plugins import SECRETS_GROUP, Plugin, load_plugins
from flowerpower.specs.placeholders import SECRET_NAME

FOLDER_VARIABLE = "FLOWERPOWER_SECRETS_DIR"
DEFAULT_FOLDER = "/run/secrets"  # where Docker mounts them

_LARGEST = 1024 * 1024


Provider = Callable[[str], str | None]
"""What a plug-in makes of the environment of the process: name to value, None for a secret that it does not have."""


def secrets_of(environment: Mapping[str, str], plugins: Sequence[str] = ()) -> Callable[[str], str]:
    """Return a provider of secrets for a process with that environment; *plugins* are asked for those it lacks.

    The provider raises `PipelineError`, naming the secret and where it looked, but never a value.
    """
    folder = environment.get(FOLDER_VARIABLE, DEFAULT_FOLDER)
    others = _Others(environment, plugins)

    def lookup(name: str) -> str:
        if not SECRET_NAME.fullmatch(name):
            raise PipelineError(f"{name[:80]!r} is not the name of a secret", hint="for example API_TOKEN")
        if name in environment:
            return environment[name]
        found = _read(Path(folder), name) if folder else None
        if found is None:
            found = others.ask(name)
        if found is None:
            raise PipelineError(f"there is no secret {name!r} here", hint=_where(name, folder))
        return found

    return lookup


class _Others:
    """The providers of plug-ins, made when the first of them is needed, and once."""

    def __init__(self, environment: Mapping[str, str], plugins: Sequence[str]) -> None:
        self._environment = environment
        self._plugins = tuple(plugins)
        self._made: list[tuple[Plugin, Provider]] | None = None

    def ask(self, name: str) -> str | None:
        """Return the value that the first plug-in has which knows the secret."""
        if self._made is None:
            found = load_plugins(SECRETS_GROUP, self._plugins) if self._plugins else ()
            self._made = [(plugin, _attempt(plugin, "begin", make, self._environment)) for plugin, make in found]
        for plugin, provider in self._made:
            value = _attempt(plugin, f"say {name!r}", provider, name)
            if value is not None:
                if not isinstance(value, str):
                    raise PipelineError(
                        f"{_called(plugin)} has no text for the secret {name!r}", hint="is it up to date?"
                    )
                return value
        return None


def _attempt(plugin: Plugin, what: str, function: Callable[..., Any], *given: Any) -> Any:
    try:
        return function(*given)
    except (Exception, SystemExit) as error:  # its words could hold a value
        if is_time_limit(error):
            raise
        raise PipelineError(
            f"{_called(plugin)} could not {what}: {type(error).__name__}", hint="see where its secrets are kept"
        ) from None


def _called(plugin: Plugin) -> str:
    return f"the secrets of the plug-in {plugin.name!r} ({plugin.distribution})"


def _where(name: str, folder: str) -> str:
    if not folder:
        return f"set the environment variable {name}, or name a folder of secrets with {FOLDER_VARIABLE}"
    return f"set the environment variable {name}, or put the value into the file {folder}/{name} ({FOLDER_VARIABLE})"


def _read(folder: Path, name: str) -> str | None:
    """Return the text of a secret's file without its last line end; None when there is no such file."""
    file = folder / name
    try:
        # Links are followed, since Kubernetes mounts them. Without waiting: a pipe must not hold a run up.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            content = os.read(descriptor, _LARGEST + 1) if is_file else b""
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PipelineError(
            f"the secret {name!r} could not be read: {file}: {reason}", hint="check its permissions"
        ) from None
    if not is_file:
        raise PipelineError(f"the secret {name!r} is not a file: {file}", hint="put the value into a file")
    if len(content) > _LARGEST:
        raise PipelineError(f"the secret {name!r} is larger than {_LARGEST:,} bytes: {file}", hint="shorten it")
    return _text(content, name, file)


def _text(content: bytes, name: str, file: Path) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # it would quote the bytes
        raise PipelineError(
            f"the secret {name!r} is not UTF-8: {file}", hint="encode it, for example as base64"
        ) from None
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
