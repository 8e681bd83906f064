"""A project as it is in one environment: the value that everything after loading works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from flowerpower.errors import Place
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.places import Places

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec

PARTLY = "partly"
"""Stands among the unsound fields of a spec that has mistakes, beside those of which nothing is known."""

BROKEN = "YAML"
"""Stands there when a part of the spec is no YAML: nobody knows what it was meant to say."""

_MARK = "\0"  # stands in no key
NO_NAME = "\0"
"""Stands for the name of a node that is not known."""


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


def unsure(name: str) -> str:
    """Return what stands among the unsound fields for one that is right as it is, and may be meant otherwise."""
    return f"{name}{_MARK}"


def entry(field: str, key: str | int) -> str:
    """Return what stands there for one entry of a field, which is a stand-in for something wrong."""
    return f"{field}{_MARK}{key}"


def is_mark(name: str) -> bool:
    """Tell whether a name there is no field, but something that is known of one."""
    return _MARK in name


def field_of(name: str) -> str:
    """Return the field that a name there is, or that a mark tells of."""
    return name.partition(_MARK)[0]
