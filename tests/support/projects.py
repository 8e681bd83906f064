"""Real projects on disk, and real workers that run them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowerpower.dataflow.reader import code_digest
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import load
from flowerpower.state.desired import desired_state
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired

PROJECT = "name: acme\nredis: embedded\nmodules: [flows]\n"
PIPELINE = """
name: report
modules: [flow]
outputs: [doubled, day]
inputs: {number: 21, moment: "${tick:%Y-%m-%d}"}
save:
  - {outputs: [day], format: text, path: "out/${run.schedule}-${tick:%H%M%S}.txt"}
"""
FLOW = """
def doubled(number: int) -> int:
    return number * 2


def day(moment: str, doubled: int) -> str:
    return f"{moment}: {doubled}"
"""


def write_project(folder: Path, *, flow: str = FLOW, pipeline: str = PIPELINE, schedule: str = "every: 1h") -> Path:
    """Write a project with one pipeline and one schedule, `often`."""
    for name, text in {
        "flowerpower.yaml": PROJECT,
        "pipelines/report.yaml": pipeline,
        "schedules/often.yaml": f"pipeline: report\n{schedule}\n",
        "flows/flow.py": flow,
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def wanted(folder: Path, env: str = "default") -> Desired:
    """Return what the specs of a folder ask for."""
    sources = read(folder)
    loaded = load(sources.texts, env=env, variables={})
    assert loaded.project is not None, loaded.problems
    project = loaded.project
    code = {
        name: code_digest(spec.modules, sources.modules, project.spec.modules)
        for name, spec in project.pipelines.items()
    }
    return desired_state(project, code)


_WORK = """
import sys
from pathlib import Path
from flowerpower.jobs.stop import Stop
from flowerpower.jobs.workers.preload import GraphRecipe
from flowerpower.jobs.workers.processes import WorkerOptions, run_worker, run_workers, start_anew
from flowerpower.jobs.workers.unforkable import Unforkable
from flowerpower.settings import read_settings
from flowerpower.state.keys import Keys
from flowerpower.state.signing import Signer

if __name__ == "__main__":
    url, project, env, root, *rest = sys.argv[1:]
    how = {"burst": "burst" in rest, "with_scheduler": "scheduler" in rest, "warm": "warm" in rest}
    how |= {"require_commit": "require_commit" in rest, "signer": Signer.of(read_settings().signing_key)}
    how |= {"unforkable": Unforkable(), "grace": 3.0 if "grace" in rest else None}
    options = WorkerOptions(root=Path(root), recipes=[GraphRecipe(["flow"], {})], queues=("default",), **how)
    if "two" in rest:
        run_workers(url, Keys(project, env), 2, lambda: options)
    elif run_worker(url, Keys(project, env), options, asked := Stop()) and not asked.is_set():
        start_anew()
"""


@contextmanager
def running_worker(url: str, keys: Keys, root: Path, *how: str) -> Iterator[Worker]:
    """Run a flowerpower worker for the length of a block.

    `how` may hold `burst`, `scheduler`, `warm`, `require_commit`, `grace` (of 3 s) and `two` (processes).
    """
    with (root / "worker.log").open("w+", encoding="utf-8") as log:
        command = [sys.executable, "-c", _WORK, url, keys.project, keys.env, str(root), *how]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Worker(process, root / "worker.log")
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=30)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process and the file that it logs to."""

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        """Return what was logged so far."""
        return self.log.read_text(encoding="utf-8")

    def stop(self) -> int:
        """Ask it to drain, and return its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)

    def wait_for(self, condition: Callable[[], object], seconds: float = 40.0) -> None:
        """Wait until a condition holds; fail, with the log, when the worker ends or time is over."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < end, f"it did not happen in time\n{self.output()}"
            time.sleep(0.1)


def work_until_empty(url: str, keys: Keys, root: Path, *how: str) -> str:
    """Run every queued job with a flowerpower worker, and return what it logged."""
    with running_worker(url, keys, root, "burst", *how) as worker:
        assert worker.process.wait(timeout=60) == 0, worker.output()
        return worker.output()
