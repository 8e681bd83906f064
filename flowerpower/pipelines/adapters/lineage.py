"""OpenLineage: Hamilton's adapter, and the files that `load:` read and `save:` wrote as datasets."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from hamilton.plugins.h_openlineage import OpenLineageAdapter
from openlineage.client import OpenLineageClient, event_v2, facet_v2
from openlineage.client.transport.http import HttpConfig

from flowerpower.pipelines.adapters.setting import Ending, Setting
from flowerpower.pipelines.context import Secrets
from flowerpower.pipelines.failures import describe, is_time_limit

logger = logging.getLogger("flowerpower.run")

_RUNS = UUID("a5b1dd3f-83c0-4b7b-a2f6-3a3ac3a7a9a1")  # the namespace of the ids of attempts
_CLOSE = 5.0  # seconds that events which still wait may take at the end of a run


class Patient:
    """A client that keeps what its receiver did not take, and sends it, in order, when it is told to.

    Events hold their own times, so that a late one says the same. Only the first that fails is tried at once: who is
    away may cost a run seconds, and not some for each event.
    """

    def __init__(self, client: OpenLineageClient, secrets: Secrets) -> None:
        self._client = client
        self._secrets = secrets
        self._waiting: list[Any] = []
        self._one_at_a_time = threading.RLock()

    def emit(self, event: Any) -> None:
        """Send an event, unless others wait already."""
        with self._one_at_a_time:
            self._waiting.append(event)
            if len(self._waiting) > 1:
                return
            try:
                self.send_waiting()
            except Exception as error:
                if is_time_limit(error):
                    raise
                said = self._secrets.mask(describe(error))
                logger.warning("the adapter 'openlineage' sends what it tells again when the run ends: %s", said)

    def send_waiting(self) -> None:
        """Send what waits, oldest first, until something is not taken."""
        with self._one_at_a_time:
            while self._waiting:
                self._client.emit(self._waiting[0])
                del self._waiting[0]


class Lineage(OpenLineageAdapter):  # type: ignore[misc]
    """Hamilton's events of the graph; that of its end comes when all is saved, with the datasets of the run.

    The id of the run is none of Hamilton's, which would be lost with a process that is killed.
    """

    secrets: Secrets
    run_id: str
    begun = False
    over = False
    inputs: Sequence[Any] = ()
    outputs: Sequence[Any] = ()

    def pre_graph_execute(self, run_id: str, **event: Any) -> None:
        """Tell that the run begins."""
        super().pre_graph_execute(self.run_id, **event)
        self.begun = True

    def post_node_execute(self, run_id: str, **event: Any) -> None:
        """Tell of what Hamilton's own loaders and savers moved."""
        super().post_node_execute(self.run_id, **event)

    def post_graph_execute(self, run_id: str, *, success: bool, **event: Any) -> None:
        """Tell of a failure; what was computed is not yet saved."""
        if not success:
            self.over = True
            super().post_graph_execute(self.run_id, success=success, **event)

    def data_moved(self, *, loads: Iterable[Any], saves: Iterable[Any]) -> None:
        """Remember what the run read and wrote."""
        self.inputs = [event_v2.InputDataset(*self._dataset(load.path)) for load in loads]
        self.outputs = [event_v2.OutputDataset(*self._dataset(save.path)) for save in saves]

    def end(self, error: BaseException | None) -> None:
        """Tell how the run ended, if it was told that it began."""
        if self.begun and not self.over:
            self.tell_end(
                event_v2.RunState.FAIL if error else event_v2.RunState.COMPLETE, describe(error) if error else ""
            )

    def tell_end(self, state: event_v2.RunState, reason: str) -> None:
        """Tell that the run has ended, and why unless that is empty."""
        facets: dict[str, Any] = {}
        if reason:
            said = self.secrets.mask(reason)
            facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(said, "python")
        self.client.emit(
            event_v2.RunEvent(
                eventType=state,
                eventTime=datetime.datetime.now(datetime.UTC).isoformat(),
                run=event_v2.Run(runId=self.run_id, facets=facets),
                job=event_v2.Job(namespace=self.namespace, name=self.job_name),
                inputs=list(self.inputs),
                outputs=list(self.outputs),
            )
        )

    def _dataset(self, path: str) -> tuple[str, str]:
        """Return namespace and name as OpenLineage names them: a bucket or a server, and the path in it."""
        path = self.secrets.mask(path)
        parts = urlsplit(path)
        if parts.scheme and parts.netloc:
            return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")
        return self.namespace, path


def lineage(setting: Setting) -> Lineage:
    """Return the adapter; its client sends to where the `OPENLINEAGE_` variables say."""
    made = _lineage(setting)
    client = made.client = Patient(made.client, setting.secrets)
    setting.at_end(lambda error: client.send_waiting())
    setting.at_end(made.end)
    return made


def end_killed(setting: Setting, ending: Ending) -> None:
    """Tell of the end of a run whose process is gone: that it was stopped, or that it failed."""
    state = event_v2.RunState.ABORT if ending.cancelled else event_v2.RunState.FAIL
    _lineage(setting).tell_end(state, ending.reason)


def _lineage(setting: Setting) -> Lineage:
    client = OpenLineageClient()
    for transport in getattr(client.transport, "transports", [client.transport]):
        _limit(transport)
    setting.at_end(lambda error: client.close(_CLOSE))
    try:
        namespace = setting.secrets.setting("OPENLINEAGE_NAMESPACE")
    except Exception:  # noqa: BLE001  a provider of secrets may be a plug-in
        namespace = "flowerpower"
    made = Lineage(client, namespace, setting.context.pipeline)
    made.secrets = setting.secrets
    made.run_id = str(uuid5(_RUNS, f"{setting.context.run_id}/{setting.context.attempt}"))
    return made


def _limit(transport: Any) -> None:
    """Let a server be asked twice where nobody said how often: the usual six times take 40 seconds of the run."""
    usual = HttpConfig(url="http://localhost").retry
    config: Any = getattr(transport, "config", None)
    if getattr(config, "retry", None) == usual:
        config.retry = {**usual, "total": 1, "read": 1, "connect": 1}
