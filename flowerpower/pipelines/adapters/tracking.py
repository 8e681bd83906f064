"""The Hamilton UI: Hamilton's tracker with a client of our own; importing it imports Hamilton and its SDK."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hamilton_sdk import driver
from hamilton_sdk.adapters import HamiltonTracker
from hamilton_sdk.api import constants
from hamilton_sdk.api.projecttypes import GitInfo
from hamilton_sdk.tracking.utils import make_json_safe

from flowerpower.errors import FlowerPowerError, PipelineError
from flowerpower.pipelines.adapters.guarded import masked
from flowerpower.pipelines.adapters.setting import Ending, Setting
from flowerpower.pipelines.adapters.tracking_client import Client
from flowerpower.pipelines.context import Secrets
from flowerpower.pipelines.failures import is_time_limit

logger = logging.getLogger("flowerpower.run")

_LOUD = ("hamilton_sdk.adapters", "hamilton_sdk.driver", "hamilton_sdk.tracking.runs")
_NO_REPOSITORY = "Error: No repository to link to."  # what the SDK says where it knows none, and the UI looks for


class Tracker(HamiltonTracker):  # type: ignore[misc]
    """Hamilton's tracker; it tells the same version of the graph for as long as the code of its nodes is the same.

    Hamilton's hash takes in all libraries that a module imports, as far as this process has loaded them.
    """

    code: Path
    commit: str

    def post_graph_construct(self, graph: Any, modules: Sequence[Any], config: dict[str, Any]) -> None:
        """Let the server know the graph."""
        root = str(self.code)
        files = sorted(driver._slurp_code(graph, root), key=lambda file: file["path"])

        def describe() -> dict[str, Any]:
            source = GitInfo("unknown", self.commit, bool(self.commit), _NO_REPOSITORY, root)
            return {
                "config": graph.config,
                "tags": {},
                "nodes": driver._extract_node_templates_from_function_graph(graph),
                "code_artifacts": driver.extract_code_artifacts_from_function_graph(graph, source, root),
                "code_log": {"files": files},
                "code_version_info_type": "git",
                "code_version_info": {
                    "git_hash": source.commit_hash,
                    "git_repo": source.repository,
                    "git_branch": source.branch,
                },
                "code_version_info_schema": 1,
            }

        self.dag_template_id_cache[id(graph)] = self.client.register_dag_template_if_not_exists(
            project_id=self.project_id,
            name=self.dag_name,
            dag_hash=driver.hash_dag(graph),
            code_hash=_hash(files),
            describe=describe,
        )


def tracker(setting: Setting) -> Tracker:
    """Return the tracker; its server, project and user are where the secrets are."""
    context = setting.context
    project, user = _project_and_user(setting.secrets)
    known = {"schedule": context.schedule, "run": context.run_id, "commit": context.commit}
    known |= {"tick": context.tick.isoformat(), "attempt": str(context.attempt)}
    client = _client(setting, project, user)
    made = Tracker(
        project_id=project,
        username=user,
        dag_name=context.pipeline,
        tags={name: value for name, value in known.items() if value},
        client_factory=lambda *_, **__: client,
    )
    if context.attempt > 1:
        client.end_attempts(project, run=context.run_id)
    made.code, made.commit = context.code or Path.cwd(), context.commit
    return made


def end_killed(setting: Setting, ending: Ending) -> None:
    """Show as failed what the server takes to be running of a run whose process is gone; it keeps no reason."""
    project, user = _project_and_user(setting.secrets)
    context = setting.context
    _client(setting, project, user).end_attempts(project, run=context.run_id, attempt=str(context.attempt))


def _project_and_user(secrets: Secrets) -> tuple[int, str]:
    try:
        return int(secrets.setting("HAMILTON_PROJECT_ID")), secrets.setting("HAMILTON_USERNAME")
    except (FlowerPowerError, LookupError, ValueError):
        raise PipelineError(
            "the adapter 'tracker' needs HAMILTON_PROJECT_ID and HAMILTON_USERNAME",
            hint="set them where the worker looks for secrets, as environment variables or files",
        ) from None


def _client(setting: Setting, project: int, user: str) -> Client:
    """Return what tells the server; it is told all before the run ends."""
    secrets = setting.secrets
    key = _asked(secrets, "HAMILTON_API_KEY")
    address = _asked(secrets.setting, "HAMILTON_API_URL") or constants.HAMILTON_API_URL
    pages = _asked(secrets.setting, "HAMILTON_UI_URL").rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise PipelineError("HAMILTON_API_URL is no address of a server", hint="for example http://localhost:8241")
    setting.closing.enter_context(_quiet())
    client = Client(
        address, {"x-api-user": user} | ({"x-api-key": key} if key else {}), lambda value: _plain(value, secrets)
    )

    def finish(error: BaseException | None) -> None:
        if run := client.stop(failed=error is not None):
            place = f"{pages or client.place}/dashboard/project/{project}/runs/{run}"
            logger.info("this run in the Hamilton UI: %s", place)

    setting.at_end(finish)
    return client


def _asked(lookup: Callable[[str], str], name: str) -> str:
    try:
        return lookup(name)
    except (FlowerPowerError, LookupError):
        return ""


def _plain(value: Any, secrets: Secrets) -> Any:
    """Return JSON values that say the same, without secrets."""
    try:
        safe = make_json_safe(value)
    except Exception as error:  # an input may be of any type
        if is_time_limit(error):
            raise
        safe = f"({type(value).__name__})"
    return masked(_with_text_keys(safe), secrets)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _with_text_keys(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(inner) for inner in value]
    return value


def _hash(files: Sequence[dict[str, str]]) -> str:
    return hashlib.sha256(json.dumps([[file["path"], file["contents"]] for file in files]).encode()).hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the SDK from logging every step of its own, and values that it could not describe."""
    loggers = [logging.getLogger(name) for name in _LOUD]
    for loud in loggers:
        loud.addFilter(_nothing)
    try:
        yield
    finally:
        for loud in loggers:
            loud.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False
