"""A project on disk, with modules that tests write."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from support.object_store import Bucket, new_bucket, object_store

from flowerpower.pipelines.run import Access, RunContext, RunResult, run_pipeline
from flowerpower.specs.models import PipelineSpec

NO_ACCESS = Access()
TICK = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


FLOW = """
    def doubled(x: int) -> int:
        return x * 2

    def total(doubled: int, token: str = "") -> float:
        if doubled < 0:
            raise ValueError(f"not with {token}")
        return doubled + 0.5
"""
SECRETS = {"PW": "hunter2-hunter2"}


def secrets(name: str) -> str:
    return SECRETS[name]


def no_secret(name: str) -> str:
    raise LookupError(name)


@dataclass
class Project:
    root: Path

    def module(self, name: str, text: str) -> "Project":
        path = self.root / "flows" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return self

    def run(
        self,
        *outputs: str,
        secrets: Callable[[str], str] = no_secret,
        observer: Any = None,
        access: Access = NO_ACCESS,
        tick: datetime = TICK,
        attempt: int = 1,
        **fields: Any,
    ) -> RunResult:
        spec = PipelineSpec.model_validate({"name": "p", "modules": ["flow"], "outputs": list(outputs), **fields})
        before = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
        context = RunContext(tick, before, "run-1", "nightly", "p", "abc", attempt, secrets)
        return run_pipeline(spec, context, root=self.root, folders=["flows"], observer=observer, access=access)


def warm_up(project: Project, executor: dict[str, Any]) -> None:
    """Run something, so that no library is loaded and no cluster looked for within the time limit of the next run."""
    project.module("quick", "def one() -> int:\n    return 1\n").run("one", modules=["quick"], executor=executor)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "flows").mkdir()
    return Project(tmp_path)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with object_store() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    return new_bucket(s3_endpoint)
