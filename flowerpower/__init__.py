"""GitOps for scheduled data pipelines; the public names are resolved on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from flowerpower.version import __version__

if TYPE_CHECKING:
    from flowerpower.errors import FlowerPowerError as FlowerPowerError
    from flowerpower.errors import Problem as Problem
    from flowerpower.jobs.manager import JobQueueManager as JobQueueManager
    from flowerpower.jobs.manager import RQManager as RQManager
    from flowerpower.pipelines.manager import PipelineManager as PipelineManager
    from flowerpower.project import FlowerPowerProject as FlowerPowerProject

__all__ = [
    "FlowerPowerError",
    "FlowerPowerProject",
    "JobQueueManager",
    "PipelineManager",
    "Problem",
    "RQManager",
    "__version__",
]

_HOMES = {
    "FlowerPowerError": "flowerpower.errors",
    "FlowerPowerProject": "flowerpower.project",
    "JobQueueManager": "flowerpower.jobs.manager",
    "PipelineManager": "flowerpower.pipelines.manager",
    "Problem": "flowerpower.errors",
    "RQManager": "flowerpower.jobs.manager",
}


if not TYPE_CHECKING:  # a type checker would take any name for a public one

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'flowerpower' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
