"""A lifecycle adapter around another; importing it imports Hamilton."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from hamilton.lifecycle import base

from flowerpower.pipelines.context import Secrets
from flowerpower.pipelines.failures import describe, is_time_limit

logger = logging.getLogger("flowerpower.run")

_SHOWN = ("inputs", "overrides", "config", "kwargs", "result", "results")  # parts of events in which secrets may be


class Guarded(
    base.BasePostGraphConstruct,  # type: ignore[misc]
    base.BasePreGraphExecute,  # type: ignore[misc]
    base.BasePostTaskGroup,  # type: ignore[misc]
    base.BasePostTaskExpand,  # type: ignore[misc]
    base.BasePreTaskSubmission,  # type: ignore[misc]
    base.BasePreTaskExecute,  # type: ignore[misc]
    base.BasePreNodeExecute,  # type: ignore[misc]
    base.BasePostNodeExecute,  # type: ignore[misc]
    base.BasePostTaskExecute,  # type: ignore[misc]
    base.BasePostTaskReturn,  # type: ignore[misc]
    base.BasePostGraphExecute,  # type: ignore[misc]
):
    """Passes events on to an adapter that only watches, without secrets, until it raises.

    A copy of it in another process passes nothing on: clients and open spans do not travel.
    """

    inner: Any = None
    _name = ""

    def __init__(self, inner: Any, name: str, secrets: Secrets) -> None:
        self.inner = inner
        self._name = name
        self._secrets = secrets

    def _tell(self, event: str, values: Mapping[str, Any]) -> None:
        listen = getattr(self.inner, event, None)
        if listen is None:
            return
        try:
            listen(**self._without_secrets(values))
        except Exception as error:
            if is_time_limit(error):
                raise
            self.inner = None
            said = self._secrets.mask(describe(error))
            logger.warning("the adapter %r failed in %s and is left out of this run: %s", self._name, event, said)

    def _without_secrets(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._secrets.used:
            return values
        found = {name: masked(value, self._secrets) if name in _SHOWN else value for name, value in values.items()}
        if isinstance(error := found.get("error"), BaseException):
            found["error"] = _told(error, self._secrets)
        return found

    def post_graph_construct(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_graph_construct", values)

    def pre_graph_execute(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("pre_graph_execute", values)

    def post_task_group(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_task_group", values)

    def post_task_expand(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_task_expand", values)

    def pre_task_submission(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("pre_task_submission", values)

    def pre_task_execute(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("pre_task_execute", values)

    def pre_node_execute(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("pre_node_execute", values)

    def post_node_execute(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_node_execute", values)

    def post_task_execute(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_task_execute", values)

    def post_task_return(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_task_return", values)

    def post_graph_execute(self, **values: Any) -> None:
        """Pass the event on."""
        self._tell("post_graph_execute", values)

    def data_moved(self, **values: Any) -> None:
        """Tell of what was loaded and saved; no event of Hamilton's, which knows nothing of it."""
        self._tell("data_moved", values)

    def __getstate__(self) -> dict[str, Any]:
        return {}


EVENTS = tuple(name for name in vars(Guarded) if name.startswith(("pre_", "post_")) or name == "data_moved")
"""What an adapter may be told, by the name of its method."""


def _told(error: BaseException, secrets: Secrets) -> Exception:
    """Return an error of the same name and place that says the same without secrets; its causes are left out."""
    kind = type(error)
    said = describe(error).removeprefix(kind.__name__).removeprefix(": ")
    copy: Exception = type(kind.__name__, (Exception,), {"__module__": kind.__module__})(secrets.mask(said))
    return copy.with_traceback(error.__traceback__)


def masked(value: Any, secrets: Secrets) -> Any:
    """Return the value without secrets, as far as it is made of texts, mappings and lists."""
    if isinstance(value, str):
        return secrets.mask(value)
    if isinstance(value, dict):
        return {masked(name, secrets): masked(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, secrets) for inner in value]
    if isinstance(value, tuple):
        found = [masked(inner, secrets) for inner in value]
        return value._make(found) if hasattr(value, "_make") else tuple(found)
    return value
