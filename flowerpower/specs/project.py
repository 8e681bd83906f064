"""A project as it is in one environment: the value that everything after loading works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from flowerpower.errors import Place
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.places import Places

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec


class Project(NamedTuple):
    """All specs of a project, resolved for one environment, and where each stands."""

    spec: ProjectSpec
    env: str
    pipelines: Mapping[str, PipelineSpec]
    schedules: Mapping[str, ScheduleSpec]
    places: Mapping[str, Place]  # by address: project, pipeline.<name>, schedule.<name>
    unsound: Mapping[str, frozenset[str]] = {}  # by address: fields that are stand-ins

    @property
    def namespace(self) -> str:
        """The owner mark of its objects in Redis."""
        return f"{self.spec.name}.{self.env}"

    def is_sound(self, address: str, *fields: str) -> bool:
        """Tell whether none of these fields of a spec is a stand-in for something that is wrong, told already."""
        return not self.unsound or self.unsound.get(address, frozenset()).isdisjoint(fields)

    def place(self, address: str, *path: str | int, key: bool = False) -> Place:
        """Return the place of a value (or *key*) of a spec, as near as it is known."""
        if isinstance(self.places, Places):
            return self.places.at(address, *path, key=key)
        return self.places.get(address, Place(PROJECT_FILES[0]))
