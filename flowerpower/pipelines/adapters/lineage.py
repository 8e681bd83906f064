"""OpenLineage: Hamilton's adapter, and the files that `load:` read and `save:` wrote as datasets."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from hamilton.plugins.h_openlineage import OpenLineageAdapter
from openlineage.client import OpenLineageClient, event_v2

from flowerpower.pipelines.adapters.named import Setting


class Lineage(OpenLineageAdapter):  # type: ignore[misc]
    """Hamilton's events of the graph, and one more with the datasets of the run."""

    def pre_graph_execute(self, run_id: str, **event: Any) -> None:
        """Remember the run, whose id is Hamilton's."""
        self.run_id = run_id
        super().pre_graph_execute(run_id, **event)

    def data_moved(self, *, loads: Iterable[Any], saves: Iterable[Any]) -> None:
        """Tell what the run read and wrote."""
        inputs = [event_v2.InputDataset(*_dataset(load.path, self.namespace)) for load in loads]
        outputs = [event_v2.OutputDataset(*_dataset(save.path, self.namespace)) for save in saves]
        if inputs or outputs:
            self.client.emit(
                event_v2.RunEvent(
                    eventType=event_v2.RunState.COMPLETE,
                    eventTime=datetime.datetime.now(datetime.UTC).isoformat(),
                    run=event_v2.Run(runId=self.run_id),
                    job=event_v2.Job(namespace=self.namespace, name=self.job_name),
                    inputs=inputs,
                    outputs=outputs,
                )
            )


def lineage(setting: Setting) -> Lineage:
    """Return the adapter; its client sends to where the `OPENLINEAGE_` variables say."""
    client = OpenLineageClient()
    setting.closing.callback(client.close)
    try:
        namespace = setting.secrets.setting("OPENLINEAGE_NAMESPACE")
    except Exception:  # noqa: BLE001  a provider of secrets may be a plug-in
        namespace = "flowerpower"
    return Lineage(client, namespace, setting.context.pipeline)


def _dataset(path: str, namespace: str) -> tuple[str, str]:
    """Return namespace and name as OpenLineage names them: a bucket or a server, and the path in it."""
    parts = urlsplit(path)
    if parts.scheme and parts.netloc:
        return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")
    return namespace, path
