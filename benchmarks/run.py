"""A run: a pipeline of ten nodes, from the queue to its recorded result, with workers that are warm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.context import Context, Stage, Table
from benchmarks.measure import Run, Side

_NODES = "\n\n".join(f"def node_{n}(node_{n - 1}: int) -> int:\n    return node_{n - 1} + {n}\n" for n in range(1, 11))
_FILES = {
    "flowerpower.yaml": "name: bench\nredis: embedded\nmodules: [flows]\n",
    "pipelines/ten.yaml": "modules: [ten]\noutputs: [node_10]\ninputs: {node_0: 1}\n",
    "flows/ten.py": _NODES,
    "peer_job.py": '''"""The same pipeline as a plain function, as people write it for RQ and Celery."""

import sys

sys.path.insert(0, "flows")


def run(number):
    import ten
    from hamilton import driver

    built = driver.Builder().with_modules(ten).build()
    return {name: int(value) for name, value in built.execute(["node_10"], inputs={"node_0": number}).items()}
''',
    "peer_celery.py": '''"""The same as a Celery task."""

import os

from celery import Celery

import peer_job

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(broker_connection_retry_on_startup=True, worker_prefetch_multiplier=4, task_acks_late=True)


@app.task
def run(number):
    return peer_job.run(number)
''',
}
_NOTE = (
    "Ten nodes, each a sum. flowerpower claims each run, checks whether the worker has the code that was applied, and "
    "records attempt, outcome and events; the peers keep the result alone. Measured once the workers have done their "
    "first jobs. Celery acknowledges late, or a run is lost with its worker."
)


def run(context: Context) -> Iterator[Table]:
    """Yield one table: isolated runs, and processes that are used again."""
    project = write_project(context.folder / "project")
    with context.stage(emptied=True) as stage:
        yield context.compare("a run of ten nodes", _sides(context, stage, project), _NOTE)


def write_project(folder: Path) -> Path:
    """Write the project, and the same for the peers."""
    for name, text in _FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _sides(context: Context, stage: Stage, project: Path) -> list[Side]:
    versions, many, few = context.peers.versions, 200 if context.quick else 1_000, 20 if context.quick else 40
    ours = {
        "flowerpower": ("isolated", many // 4),
        "flowerpower, 2 processes": ("isolated_two", many // 2),
        "flowerpower --warm": ("warm", many),
        "flowerpower --warm, 2 processes": ("warm_two", 2 * many),
    }
    rq, celery = versions["rq"], versions["celery"]
    return [
        *(Side(name, context.version, _ours(stage, how, project, n), n) for name, (how, n) in ours.items()),
        Side("rq worker", rq, _peer(stage, "rq", project, few), few),
        Side("rq worker, Hamilton imported first", rq, _peer(stage, "rq_preloaded", project, many // 4), many // 4),
        Side("rq SimpleWorker", rq, _peer(stage, "rq_simple", project, many), many),
        Side("celery prefork, 2 processes", celery, _peer(stage, "celery", project, 2 * many), 2 * many),
        Side("plain Hamilton, no queue", versions["apache-hamilton"], _peer(stage, "plain", project, many), many),
    ]


def _ours(stage: Stage, how: str, project: Path, amount: int) -> Run:
    return stage.ours(how, project, str(amount), side="run_side")


def _peer(stage: Stage, how: str, project: Path, amount: int) -> Run:
    return stage.peer("peer_run_side", how, project, str(amount))
