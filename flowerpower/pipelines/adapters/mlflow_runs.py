"""MLflow: Hamilton's tracker, which logs inputs, config and outputs of a run."""

from __future__ import annotations

from typing import Any

from hamilton.plugins.h_mlflow import FIGURE_TYPES, MLFlowTracker

from flowerpower.pipelines.adapters.named import Setting
from flowerpower.pipelines.results import NotPlainError, plain


class Tracker(MLFlowTracker):  # type: ignore[misc]
    """Hamilton's tracker, without the pickle files that it leaves in the working folder for most outputs."""

    def run_after_node_execution(
        self, *, node_name: str, node_return_type: type, node_tags: dict[str, Any], result: Any, **event: Any
    ) -> None:
        """Log numbers as metrics, figures and saved files as artifacts, and small plain outputs as JSON."""
        saved = node_tags.get("hamilton.data_saver") is True
        if saved or node_return_type in (int, float, *FIGURE_TYPES):
            super().run_after_node_execution(
                node_name=node_name, node_return_type=node_return_type, node_tags=node_tags, result=result, **event
            )
        elif node_name in self.final_vars:
            try:
                self.client.log_dict(self.run_id, {node_name: plain(result)}, f"{node_name}.json")
            except NotPlainError:
                self.client.set_tag(self.run_id, f"output.{node_name}", type(result).__name__)


def mlflow_tracker(setting: Setting) -> Tracker:
    """Return the tracker: an experiment for each pipeline, on the server of `MLFLOW_TRACKING_URI`."""
    context = setting.context
    known = {"run": context.run_id, "schedule": context.schedule, "commit": context.commit}
    return Tracker(
        experiment_name=context.pipeline,
        run_name=context.run_id,
        run_tags={
            **{f"flowerpower.{name}": value for name, value in known.items() if value},
            "flowerpower.tick": context.tick.isoformat(),
        },
    )
