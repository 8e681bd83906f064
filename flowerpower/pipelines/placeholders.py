"""Fills `${tick}`, `${run.id}`, `${secret:NAME}` and their kin into values, on the worker, when a run starts.

Nothing here reads a clock or an environment: what may be filled in arrives with the run's context.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flowerpower.errors import FlowerPowerError, PipelineError
from flowerpower.nearest import nearest
from flowerpower.pipelines.context import RunContext
from flowerpower.specs.placeholders import SECRET_NAME

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")

_TICKS: Mapping[str, Callable[[RunContext], datetime]] = {
    "tick": lambda context: context.tick,
    "tick.start": lambda context: context.tick_start,
    "tick.end": lambda context: context.tick,
    "tick.utc": lambda context: context.tick.astimezone(UTC),
}
_RUN: Mapping[str, Callable[[RunContext], str | int]] = {
    "run.id": lambda context: context.run_id,
    "run.schedule": lambda context: context.schedule,
    "run.pipeline": lambda context: context.pipeline,
    "run.commit": lambda context: context.commit,
    "run.attempt": lambda context: context.attempt,
}
_KNOWN = (*_TICKS, *_RUN, "secret:NAME")


def fill(value: Any, context: RunContext, path: str) -> Any:
    """Return *value* with every placeholder in its texts filled in; *path* says where it stands, for errors.

    A text that is exactly one placeholder keeps the placeholder's type: `${tick}` becomes an aware datetime.
    Keys of mappings are left alone. Raises PipelineError for a placeholder that does not exist.
    """
    if isinstance(value, str):
        return _fill_text(value, context, path) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: fill(inner, context, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(inner, context, f"{path}[{position}]") for position, inner in enumerate(value)]
    return value


def _fill_text(text: str, context: RunContext, path: str) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole and whole[1] is not None:
        return _resolve(whole[1], context, path)

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            raise PipelineError(f"{path}: a `${{` is never closed", hint="write `$${` for a literal `${`")
        found = _resolve(match[1], context, path)
        return found.isoformat() if isinstance(found, datetime) else str(found)

    return _PLACEHOLDER.sub(replace, text)


def _resolve(name: str, context: RunContext, path: str) -> datetime | str | int:
    head, colon, rest = name.partition(":")
    if head == "secret" and colon:
        return _secret(rest, context, path)
    if head in _TICKS:
        moment = _TICKS[head](context)
        return _format(moment, rest, path) if colon else moment
    if head in _RUN and not colon:
        return _RUN[head](context)
    close = nearest(head, _KNOWN)
    hint = f"did you mean ${{{close}}}?" if close else f"there are: {', '.join(_KNOWN)}; write `$${{` for a literal"
    raise PipelineError(f"{path}: there is no placeholder ${{{name}}}", hint=hint)


def _format(moment: datetime, layout: str, path: str) -> str:
    try:
        text = moment.strftime(layout)
    except ValueError:
        text = ""
    if not text:
        raise PipelineError(f"{path}: {layout!r} is not a date format", hint="for example ${tick:%Y-%m-%d}")
    return text


def _secret(name: str, context: RunContext, path: str) -> str:
    if not SECRET_NAME.fullmatch(name):
        raise PipelineError(f"{path}: {name!r} is not the name of a secret", hint="for example ${secret:API_TOKEN}")
    try:
        return context.secrets(name)
    except FlowerPowerError as error:
        raise PipelineError(f"{path}: {error}", hint=error.hint) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  a provider may be a plug-in; its message could hold the value
        raise PipelineError(
            f"{path}: the secret {name} could not be read ({type(error).__name__})",
            hint="set it where the worker looks for secrets",
        ) from None
