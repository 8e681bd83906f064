"""MLflow: Hamilton's tracker, which logs inputs, config and outputs of a run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlflow
from hamilton.plugins.h_mlflow import FIGURE_TYPES, MLFlowTracker

from flowerpower.errors import PipelineError
from flowerpower.pipelines.adapters.guarded import masked
from flowerpower.pipelines.adapters.setting import Ending, Setting
from flowerpower.pipelines.context import Secrets
from flowerpower.pipelines.results import NotPlainError, plain
from flowerpower.settings import default_environment

# MLflow alone asks a server that is away for minutes, and prints where each run is to be seen.
_LIMITS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_one_call = threading.RLock()

logger = logging.getLogger("flowerpower.run")


class Tracker(MLFlowTracker):  # type: ignore[misc]
    """Hamilton's tracker, without the pickle files that it leaves in the working folder for most outputs.

    A failed run is shown as such, and none stays open for the next run of the process to fall into.
    """

    secrets: Secrets
    run_id = ""
    finished = False

    def run_before_graph_execution(self, **event: Any) -> None:
        """Begin the run."""
        with _limited():
            super().run_before_graph_execution(**event)

    def run_after_node_execution(
        self,
        *,
        node_name: str,
        node_return_type: type,
        node_tags: dict[str, Any],
        result: Any,
        success: bool = True,
        **event: Any,
    ) -> None:
        """Log numbers as metrics, figures and saved files as artifacts, and small plain outputs as JSON."""
        if not success:
            return
        if node_tags.get("hamilton.data_saver") is True:  # a file may be large: MLflow's own limits
            super().run_after_node_execution(
                node_name=node_name, node_return_type=node_return_type, node_tags=node_tags, result=result, **event
            )
        elif node_name in self.final_vars:
            with _limited():
                self._log(node_name, node_return_type, result)

    def _log(self, node_name: str, node_return_type: type, result: Any) -> None:
        if node_return_type in (int, float):
            self.client.log_metric(self.run_id, key=node_name, value=float(result))
        elif node_return_type in FIGURE_TYPES:
            self.client.log_figure(self.run_id, result, f"{node_name}.png")
        else:
            try:
                found = masked(plain(result), self.secrets)
                self.client.log_dict(self.run_id, {node_name: found}, f"{node_name}.json")
            except NotPlainError:
                self.client.set_tag(self.run_id, f"output.{node_name}", type(result).__name__)

    def run_after_graph_execution(self, *, success: bool, **event: Any) -> None:
        """End the run."""
        with _limited():
            mlflow.end_run("FINISHED" if success else "FAILED")
        self.finished = success
        address = mlflow.get_tracking_uri().rstrip("/")
        logger.info("this run in MLflow: %s/#/experiments/%s/runs/%s", address, self.experiment_id, self.run_id)

    def end_earlier_attempts(self, run: str) -> None:
        """End what MLflow takes to be running of a run that is tried again: it was killed."""
        _end_running(self.client, self.experiment_id, run)

    def leave(self, error: BaseException | None) -> None:
        """End the run where that was missed because the server was away, or say that it failed after its last node."""
        active = mlflow.active_run()
        with _limited():
            if active is not None and active.info.run_id == self.run_id:
                mlflow.end_run("FAILED" if error else "FINISHED")
            elif self.finished and error:
                self.client.set_terminated(self.run_id, "FAILED")


def mlflow_tracker(setting: Setting) -> Tracker:
    """Return the tracker: an experiment for each pipeline, on the server of `MLFLOW_TRACKING_URI`."""
    context = setting.context
    known = {"run": context.run_id, "schedule": context.schedule, "commit": context.commit}
    known |= {"tick": context.tick.isoformat(), "attempt": str(context.attempt)}
    try:
        with _limited():
            tracker = Tracker(
                experiment_name=context.pipeline,
                run_name=context.run_id,
                run_tags={f"flowerpower.{name}": value for name, value in known.items() if value},
            )
            if context.attempt > 1:
                tracker.end_earlier_attempts(context.run_id)
    except ImportError as error:
        raise PipelineError(
            f"MLflow cannot keep runs here: {error}", hint="set MLFLOW_TRACKING_URI to the address of its server"
        ) from error
    tracker.secrets = setting.secrets
    setting.at_end(tracker.leave)
    return tracker


def end_killed(setting: Setting, ending: Ending) -> None:
    """Show as killed what MLflow takes to be running of a run whose process is gone; it keeps no reason."""
    with _limited():
        client = mlflow.MlflowClient()
        if experiment := client.get_experiment_by_name(setting.context.pipeline):
            _end_running(client, experiment.experiment_id, setting.context.run_id, setting.context.attempt)


def _end_running(client: mlflow.MlflowClient, experiment: str, run: str, attempt: int = 0) -> None:
    """End all attempts of a run that MLflow takes to be running, or only that one: the next may have begun by now."""
    wanted = f"attributes.status = 'RUNNING' and tags.`flowerpower.run` = '{run}'"
    if attempt:
        wanted += f" and tags.`flowerpower.attempt` = '{attempt}'"
    for found in client.search_runs([experiment], wanted):
        client.set_terminated(found.info.run_id, "KILLED")


@contextmanager
def _limited() -> Iterator[None]:
    """Let MLflow's calls in the block take seconds at most, unless its variables say otherwise."""
    with _one_call, default_environment(_LIMITS):
        yield
