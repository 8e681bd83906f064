"""Export what is live as spec files. Files that are there keep their comments; what cannot be kept is left and told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from flowerpower.errors import StoreError, UsageError
from flowerpower.render.specs import readable, spec_yaml
from flowerpower.specs.places import Places
from flowerpower.specs.values import is_name
from flowerpower.state.live import altered_addresses
from flowerpower.state.misplaced import address_of
from flowerpower.state.written import same, written_specs

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject
    from flowerpower.specs.loader import Loaded
    from flowerpower.specs.models import ProjectSpec
    from flowerpower.state.keys import Keys
    from flowerpower.state.models import Reading, State

Fate: TypeAlias = Literal["new", "changed", "same", "left"]
_OF_PROJECT = frozenset({"folders", "timezone"})  # of a pipeline: said in the project file
_ALTERED = "# Altered in Redis behind the back of the last apply; this is what lies there now.\n"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that a file and the live state do not agree on; None: it is not there."""

    name: str
    file: Any
    live: Any


@dataclass(frozen=True, slots=True)
class Exported:
    """One live object as a spec, and what becomes of its file."""

    address: str
    file: str
    values: Mapping[str, Any]
    text: str
    fate: Fate = "new"
    why: str = ""  # it is left
    differences: tuple[Difference, ...] = ()
    altered: bool = False

    @property
    def kind(self) -> str:
        """Return `pipeline` or `schedule`."""
        return self.address.partition(".")[0]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Everything that was exported, and what to know about it."""

    namespace: str
    exported: tuple[Exported, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Folder:
    """The specs in a folder, and the state that they ask for; None while they are not valid."""

    path: Path
    texts: Mapping[str, bytes]
    loaded: Loaded
    state: State | None


def export(project: FlowerPowerProject, names: Collection[str], out: Path | None) -> ExportReport:
    """Return the live specs, as files in *out* if it is given, which are written there; Redis is only read.

    Raises `StoreError` when Redis cannot be read, also when the whole key of all schedules or pipelines is damaged,
    `UsageError` for a name that is not live or a file that cannot be written.
    """
    reading = _readable(project.store.read(partly=True), project.store.keys)
    folder = None if out is None else _folder(project, out, _texts(project, out))
    own = folder is not None and "project" not in folder.loaded.draft.unsound
    spec = folder.loaded.draft.spec if folder and own else project.home
    _refuse_unknown(project, reading.state, names)
    exported = tuple(_exported(reading, spec, names))
    notes = [*_notes(reading, spec), *_forgotten(reading, exported)]
    if folder is not None:
        exported = tuple(_placed(one, reading.state, folder) for one in exported)
        new = {one.file: one.text.encode() for one in exported if one.fate in ("new", "changed")}
        again = _folder(project, folder.path, {**folder.texts, **new})
        exported = tuple(_proved(one, reading.state, again) for one in exported)
        notes += [*_doubts(exported, reading.state, again)]
        _write(exported, folder)
    return ExportReport(project.store.keys.namespace, exported, tuple(notes))


def _readable(reading: Reading, keys: Keys) -> Reading:
    """Return what was read without the objects whose records cannot be: nothing is known of them.

    Raises `StoreError` where that is all of them: a folder of their files is not to be taken for what is live.
    """
    if not reading.damaged:
        return reading
    for key in (keys.schedules, keys.pipelines):
        if damage := reading.damaged.get(address_of(keys, key)):
            raise StoreError(damage.told, hint=damage.hint)
    schedules = {
        name: one for name, one in reading.state.schedules.items() if f"schedule.{name}" not in reading.damaged
    }
    pipelines = {
        name: one for name, one in reading.state.pipelines.items() if f"pipeline.{name}" not in reading.damaged
    }
    records = {address: reading.records[address] for address in reading.records if address not in reading.damaged}
    return replace(reading, state=replace(reading.state, schedules=schedules, pipelines=pipelines), records=records)


def _texts(project: FlowerPowerProject, out: Path) -> dict[str, bytes]:
    """Return the specs in a folder; one without a project file is taken for a part of this project."""
    from flowerpower.specs.files.kinds import PROJECT_FILES
    from flowerpower.specs.files.sources import read

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is not a folder", hint="name a folder, or none to print everything")
    found = dict(read(out).texts) if out.exists() else {}
    if not found.keys() & set(PROJECT_FILES):
        found |= {name: text for name, text in project.sources.texts.items() if name in PROJECT_FILES}
    return found


def _folder(project: FlowerPowerProject, path: Path, texts: Mapping[str, bytes]) -> _Folder:
    from flowerpower.specs.loader import load
    from flowerpower.state.desired import desired_state

    loaded = load(texts, env=project.settings.env, variables=project.settings.variables)
    found = loaded.project
    state = desired_state(found, dict.fromkeys(found.pipelines, "")).state if found else None
    return _Folder(path, texts, loaded, state)


def _exported(reading: Reading, spec: ProjectSpec, names: Collection[str]) -> Iterator[Exported]:
    """Yield the live objects that are asked for, pipelines first."""
    written = written_specs(reading.state, spec)
    by_address = {f"pipeline.{name}": values for name, values in sorted(written.pipelines.items())}
    by_address |= {f"schedule.{name}": values for name, values in sorted(written.schedules.items())}
    for address, values in by_address.items():
        kind, _, name = address.partition(".")
        if is_name(name) and (not names or _is_asked(address, names)):  # a record in Redis may have any name
            altered = not reading.records[address].intact
            text = (_ALTERED if altered else "") + spec_yaml(values)
            yield Exported(address, f"{kind}s/{name}.yaml", values, text, altered=altered)


def _refuse_unknown(project: FlowerPowerProject, live: State, names: Collection[str]) -> None:
    """Raise `UsageError` for a name that nothing has which is live, with the one that may be meant."""
    from flowerpower.jobs.applied_names import applied_like

    known = {*live.pipelines, *live.schedules}
    known |= {*(f"pipeline.{name}" for name in live.pipelines), *(f"schedule.{name}" for name in live.schedules)}
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        meant = applied_like(project.store, unknown.removeprefix("schedule.").removeprefix("pipeline."))
        hint = meant or "`flowerpower export` without names shows all"
        raise UsageError(f"nothing named {unknown!r} is live", hint=hint)


def _is_asked(address: str, names: Collection[str]) -> bool:
    return address in names or address.partition(".")[2] in names


def _is_object(address: str) -> bool:
    return address.partition(".")[0] in ("schedule", "pipeline")


def _notes(reading: Reading, spec: ProjectSpec) -> Iterator[str]:
    yield from (f"{one.message}: it is left out" for address, one in reading.damaged.items() if _is_object(address))
    yield from (f"{one.told}: {one.hint}" for address, one in reading.damaged.items() if address.startswith("key."))
    altered = altered_addresses(reading.records)
    if altered:
        yield f"altered in Redis since the last apply, and exported as found there: {', '.join(sorted(altered))}"
    odd = [name for name in (*reading.state.pipelines, *reading.state.schedules) if not is_name(name)]
    if odd:
        yield f"left out, because of names that no spec can have: {', '.join(map(repr, sorted(odd)))}"
    if spec.schedules == "paused" and any(one.fields.get("paused") for one in reading.state.schedules.values()):
        yield "this environment pauses every schedule, so `paused: true` is written for none"
    zones = {str(one.fields.get("timezone")) for one in reading.state.pipelines.values()} - {spec.timezone}
    if zones:
        yield f"applied with `timezone: {', '.join(sorted(zones))}` in the project file, which says {spec.timezone} now"


def _forgotten(reading: Reading, exported: tuple[Exported, ...]) -> Iterator[str]:
    """Yield which of them git does not manage: the next apply of these specs would change that."""
    names = [one.address.partition(".")[2] for one in exported if one.kind == "schedule"]
    found = [name for name in names if name in reading.forgotten]
    if found:
        yield f"forgotten, and taken back by an apply of these specs: {', '.join(found)}"


def _placed(one: Exported, live: State, folder: _Folder) -> Exported:
    """Return what becomes of the file of an object in a folder."""
    from flowerpower.scaffold import modeline

    place = folder.loaded.draft.places.get(one.address)
    if place is None:
        if (folder.path / one.file).exists():
            return replace(one, fate="left", why="a file of that name is there, and holds something else")
        return replace(one, text=modeline(folder.path, one.kind, "name") + one.text)
    if folder.state is None:
        return replace(
            one, file=place.file, fate="left", why="the specs there are not valid: see `flowerpower validate`"
        )
    return _laid_over(replace(one, file=place.file), live, folder)


def _laid_over(one: Exported, live: State, folder: _Folder) -> Exported:
    """Return the file with the live values in it, or why it is left as it is."""
    from flowerpower.specs.layout.format import format_spec
    from flowerpower.specs.layout.patch import with_values

    content, differences = folder.texts[one.file], _differences(one, live, folder)
    if not differences:
        return replace(one, fate="same")
    left = replace(one, fate="left", differences=differences, why=_why_not(one.file, content))
    if left.why:
        return left
    try:
        text = with_values(content.decode(), readable(one.values), [difference.name for difference in differences])
    except ValueError as error:
        return replace(left, why=str(error))
    if format_spec(one.file, content).content == content:  # in the canonical layout: so it stays
        text = format_spec(one.file, text.encode()).content.decode()
    return replace(left, fate="changed", text=text)


def _why_not(file: str, content: bytes) -> str:
    """Return why a file cannot be rewritten; nothing if it can."""
    from flowerpower.specs.text.yaml import parse

    documents = parse(file, content).documents
    if len(documents) != 1:
        return "it holds several documents"
    if "environments" in documents[0].data:
        return "it says something else for other environments"
    return "its values come from variables" if b"${var:" in content else ""


def _differences(one: Exported, live: State, folder: _Folder) -> tuple[Difference, ...]:
    """Return the fields of which the file says, or has to say, something else than what is live.

    What a schedule has from its pipeline, or everything from the project, is not told of each file.
    """
    old, new = ({} if state is None else _fields(one, state) for state in (folder.state, live))
    names = [name for name in sorted(old.keys() | new.keys()) if not same(old.get(name), new.get(name))]
    said = one.values.keys() | _said(one.address, folder) if names else ()
    return tuple(Difference(name, old.get(name), new.get(name)) for name in names if name in said)


def _said(address: str, folder: _Folder) -> set[str]:
    """Return the fields that a file itself says, for this environment."""
    places = folder.loaded.draft.places
    if not isinstance(places, Places) or address not in places:
        return set()
    return {
        name for origin, _, data in places.layers(address) if origin.kind != "project" for name in _keys(data, folder)
    }


def _keys(data: Any, folder: _Folder) -> set[str]:
    patches = data.get("environments") if isinstance(data, dict) else None
    patch = patches.get(folder.loaded.draft.env) if isinstance(patches, dict) else None
    return {*data, *(patch or ())} if isinstance(data, dict) else set()


def _fields(one: Exported, state: State) -> Mapping[str, Any]:
    name = one.address.partition(".")[2]
    if one.kind == "schedule":
        return state.schedules[name].fields if name in state.schedules else {}
    fields = state.pipelines[name].fields if name in state.pipelines else {}
    return {key: value for key, value in fields.items() if key not in _OF_PROJECT}


def _proved(one: Exported, live: State, again: _Folder) -> Exported:
    """Return a changed file as it is if it asks for what is live when it is read again, else left as it was."""
    if one.fate != "changed":
        return one
    if again.state is None or _differences(one, live, again):
        return replace(one, fate="left", why="its values cannot be put in place without changing others")
    return one


def _doubts(exported: tuple[Exported, ...], live: State, again: _Folder) -> Iterator[str]:
    """Yield what new files cannot say."""
    if again.state is None:
        errors = [problem for problem in again.loaded.problems if problem.severity == "error"]
        yield f"together the specs there are not valid: {errors[0] if errors else 'see `flowerpower validate`'}"
        return
    for one in exported:
        if one.fate == "new" and (wrong := _differences(one, live, again)):
            yield f"{one.file} cannot say all of it: {', '.join(difference.name for difference in wrong)}"


def _write(exported: tuple[Exported, ...], folder: _Folder) -> None:
    from flowerpower.formatting import SpecFile, write
    from flowerpower.scaffold import write_new

    fresh = {Path(one.file): one.text.encode() for one in exported if one.fate == "new"}
    if fresh:
        folder.path.mkdir(parents=True, exist_ok=True)
        write_new(folder.path, fresh)
    for one in exported:
        if one.fate == "changed":
            path = folder.path / one.file
            problem = write(SpecFile(path, str(path), folder.texts[one.file], one.text.encode()))
            if problem is not None:
                raise UsageError(f"{path}: {problem.what}", hint=problem.hint)
