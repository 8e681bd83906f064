"""What can be said of a dataflow when a part of what makes it is wrong: what does not hang on that part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flowerpower.dataflow.check import Finding
from flowerpower.specs.messages import without_its_colon
from flowerpower.specs.project import PARTLY, Project, entry, is_mark, unsure

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec, ScheduleSpec

_OF_A_PIPELINE = frozenset(("outputs", "inputs", "config", "overrides", "load", "save"))
_OF_A_SCHEDULE = frozenset(("inputs", "config", "overrides"))
_CUT = frozenset(("overrides", "load"))  # what stands there is not computed
_HANGS_ON: Mapping[str, frozenset[str]] = {
    "missing": _OF_A_PIPELINE,
    "no variant": _CUT | {"config"},
    "cycle": _CUT | {"outputs", "save"},
    "wrong type": frozenset(),
}
_OF_NAMES = frozenset(("no node", "no input"))
_NOTHING = frozenset[str]()


class Doubt(NamedTuple):
    """The parts of what a run does that are not known: those that are wrong, and those that a key may stand for."""

    wrong: frozenset[str] = _NOTHING
    perhaps: frozenset[str] = _NOTHING

    def __or__(self, other: Doubt) -> Doubt:
        return Doubt(self.wrong | other.wrong, self.perhaps | other.perhaps)

    def has(self, part: str) -> bool:
        """Tell whether a part is in doubt."""
        return part in self.wrong or part in self.perhaps

    def certain(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings that are right whatever the parts in doubt are."""
        parts = self.wrong | self.perhaps
        return [
            finding
            for finding in findings
            if not self._is_of_what_is_wrong(finding) and parts.isdisjoint(_HANGS_ON.get(finding.kind, _NOTHING))
        ]

    def _is_of_what_is_wrong(self, finding: Finding) -> bool:
        """Tell whether a finding is of a stand-in; the names of an entry of `load` or `save` are known all the same."""
        section, *inside = finding.path
        if section in self.wrong:
            return True
        is_of_entry = bool(inside) and entry(str(section), inside[0]) in self.wrong
        return is_of_entry and finding.kind != "no node"


def without_follow_ons(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return findings without the names that only a variant which was not chosen may know, if the config is wrong."""
    if not any(finding.kind == "no variant" for finding in findings):
        return findings
    return [one for one in findings if one.kind not in _OF_NAMES or one.meant]


def doubt_of(project: Project, address: str, spec: PipelineSpec | ScheduleSpec) -> Doubt:
    """Return what is in doubt of a spec; a key that nobody knows may stand for any part that is not written."""
    unsound = project.unsound.get(address, _NOTHING) - {PARTLY}
    if not unsound:
        return Doubt()
    parts = _OF_A_PIPELINE if address.startswith("pipeline.") else _OF_A_SCHEDULE
    fields = type(spec).model_fields
    unknown = {name: without_its_colon(name, fields) for name in unsound - fields.keys() if not is_mark(name)}
    perhaps = frozenset(unknown.values()) if all(unknown.values()) else parts - spec.model_fields_set
    wrong = (parts & unsound) | frozenset(filter(is_mark, unsound))
    return Doubt(wrong, (parts & perhaps) | {part for part in parts if unsure(part) in unsound})


def with_known_dataflow(draft: Project) -> Project:
    """Return a draft without the pipelines whose dataflow nobody can judge, as their modules are not known."""
    if not draft.unsound:
        return draft
    schedules = draft.schedules.items()
    of_schedules, of_pipelines = ("pipeline", unsure("pipeline")), ("modules", unsure("modules"))
    lost = {spec.pipeline for name, spec in schedules if not draft.is_sound(f"schedule.{name}", *of_schedules)}
    if not draft.is_sound("project", "modules"):
        lost |= draft.pipelines.keys()
    lost |= {name for name in draft.pipelines if not draft.is_sound(f"pipeline.{name}", *of_pipelines)}
    return draft._replace(
        pipelines={name: spec for name, spec in draft.pipelines.items() if name not in lost},
        schedules={name: spec for name, spec in schedules if spec.pipeline not in lost},
    )
