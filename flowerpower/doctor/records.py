"""Read what lies in a namespace record by record, in batches: a damaged one is named and hides nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TypeVar

from flowerpower.doctor.findings import Fact, Unknown
from flowerpower.errors import FormatError
from flowerpower.render.words import listed
from flowerpower.state.codec import decode_cursor, decode_head, decode_hold, decode_pipeline, decode_schedule, digest
from flowerpower.state.connection import redis_errors
from flowerpower.state.misplaced import each_misplaced, find_misplaced, is_misplaced
from flowerpower.state.models import Damage, Head, Hold, Record
from flowerpower.state.pipelined import batches, fields_of, pack_for_keys, replies
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store

T = TypeVar("T")
_OF_ANOTHER_TYPE = Unknown("what was applied last cannot be read: its key is of another type, see records")
_AT_ONCE = 500  # run specs in one reply
_KEPT = 1_000  # damages that are told one by one
_NEWEST = 20  # runs of one name whose logs and failures are looked at
_RUNS = 20_000  # runs in all


@dataclass(frozen=True, slots=True)
class Records:
    """What lies in a namespace, decoded one by one."""

    now: int
    head: Fact[Head]
    schedules: int = 0
    pipelines: int = 0
    damaged: tuple[Damage, ...] = ()
    altered: tuple[str, ...] = ()  # addresses of records that somebody else has written
    holds: Mapping[str, Hold] = field(default_factory=dict)
    remains: bool = False  # runs, applies or schedules that only an apply can have made
    run_specs: tuple[Damage, ...] = ()  # those that are missing or damaged
    unsigned: tuple[str, ...] = ()  # schedules whose run specs no key of here has signed, where there is a key
    ahead: Mapping[str, int] = field(default_factory=dict)  # schedule -> its last decided tick, where that is to come


@dataclass(slots=True)
class _Found:
    """What a look through the records brings, without the records."""

    damaged: list[Damage] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    wanting: dict[str, list[str]] = field(default_factory=dict)  # digest of no sound run spec -> schedules
    signed: set[bytes] | None = None  # digests of run specs; None where there is no key
    unsigned: list[str] = field(default_factory=list)
    decided: dict[str, int] = field(default_factory=dict)  # schedule -> tick, of those after *now*
    now: int = 0

    def each(self, kind: str, key: str, raw: Iterable[tuple[bytes, bytes]], decode: Callable[[str, bytes], T]) -> int:
        """Decode the records of a kind, note what cannot be, and return how many there are."""
        number = 0
        for one, text in raw:
            number += 1
            name = one.decode(errors="backslashreplace")
            try:
                one.decode()
                decode(name, text)
            except FormatError as error:
                self._note(Damage(str(error), f"{key} {name}", error.hint))
            except UnicodeDecodeError:
                message = f"a {kind} is kept under {name!r}, which is no name"
                self._note(Damage(message, f"{key} {name}", "remove it with HDEL"))
        return number

    def _note(self, damage: Damage) -> None:
        if len(self.damaged) < _KEPT:
            self.damaged.append(damage)

    def schedule(self, name: str, raw: bytes, run_specs: set[bytes]) -> None:
        """Decode the record of a schedule, and note what is odd about it."""
        schedule, record = decode_schedule(name, raw)
        self._alters(f"schedule.{name}", record)
        if _bytes_of(schedule.run) not in run_specs:
            self.wanting.setdefault(schedule.run, []).append(name)
        elif self.signed is not None and _bytes_of(schedule.run) not in self.signed:
            self.unsigned.append(name)

    def pipeline(self, name: str, raw: bytes) -> None:
        """Decode the record of a pipeline, and note what is odd about it."""
        self._alters(f"pipeline.{name}", decode_pipeline(name, raw)[1])

    def cursor(self, name: str, raw: bytes) -> None:
        """Decode the cursor of a schedule, and note where it is ahead of the clock."""
        tick = decode_cursor(name, raw).tick
        if tick > self.now:
            self.decided[name] = tick

    def _alters(self, address: str, record: Record) -> None:
        if not record.intact:
            self.altered.append(address)


def read_records(store: Store, signer: Signer | None = None) -> Records:
    """Return what lies in the namespace of a store; writes nothing, and never holds more than a batch of it."""
    keys = store.keys
    with redis_errors("reading the records"):
        misplaced = find_misplaced(store.connection, keys, keys.types())
        seconds, head, holds, remains = _small(store, misplaced)
        sound, broken = _run_specs(store) if keys.specs not in misplaced else (set[bytes](), set[str]())
        found = _Found([*misplaced.values()], now=seconds)
        if signer is not None and keys.signatures not in misplaced:
            found.signed = _signed(store, signer)
        raw = {
            key: () if key in misplaced else _fields(store, key)
            for key in (keys.schedules, keys.pipelines, keys.cursors)
        }
        schedules = found.each(
            "schedule", keys.schedules, raw[keys.schedules], lambda name, one: found.schedule(name, one, sound)
        )
        pipelines = found.each("pipeline", keys.pipelines, raw[keys.pipelines], found.pipeline)
        found.each("cursor", keys.cursors, raw[keys.cursors], found.cursor)
        names = _names(store, [key for key in (keys.schedules, keys.pipelines) if key not in misplaced])
        of_each = (one for name in names for one in keys.types_of(name).items())
        each = chain(of_each, _of_applies(store) if keys.history not in misplaced else (), _of_runs(store, names))
        found.damaged += (damage for _, damage in islice(each_misplaced(store.connection, keys, each), _KEPT))
        run_specs = () if keys.specs in misplaced else tuple(_about_run_specs(store, found.wanting, broken))
    return Records(
        now=seconds,
        head=_OF_ANOTHER_TYPE if keys.head in misplaced else _head(head, keys.head),
        schedules=schedules,
        pipelines=pipelines,
        damaged=tuple(found.damaged),
        altered=tuple(sorted(found.altered)),
        holds={name.decode(errors="replace"): decode_hold(one) for name, one in holds.items()},
        remains=remains,
        run_specs=run_specs,
        unsigned=tuple(sorted(found.unsigned)),
        ahead=found.decided,
    )


def _small(
    store: Store, misplaced: Mapping[str, Damage]
) -> tuple[int, Mapping[bytes, bytes], Mapping[bytes, bytes], bool]:
    """Return the time, the head, the holds, and whether there is anything that only an apply can have made."""
    keys = store.keys
    pipe = store.connection.pipeline(transaction=False)
    pipe.time()
    pipe.exists(keys.runs, keys.history, keys.schedules, keys.pipelines)
    there = [key for key in (keys.head, keys.holds) if key not in misplaced]
    for key in there:
        pipe.hgetall(key)
    (seconds, _), remains, *hashes = pipe.execute()
    held: dict[str, Any] = dict(zip(there, hashes, strict=True))
    return int(seconds), held.get(keys.head, {}), held.get(keys.holds, {}), bool(remains)


def _names(store: Store, records: Iterable[str]) -> list[str]:
    """Return the names of what has records under these keys, each once: a pipeline has outcomes and logs too."""
    found: Iterator[Any] = map(store.connection.hkeys, records)
    return sorted({name.decode(errors="replace") for names in found for name in names})


def _of_runs(store: Store, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what the newest runs of each name left behind, with its type; of very many names not of all."""
    keys = store.keys
    commands = pack_for_keys("ZREVRANGE", map(keys.kept_of, names[: _RUNS // _NEWEST]), ("0", str(_NEWEST - 1)))
    for answer in replies(store.connection, batches(commands, _AT_ONCE)):
        runs = () if is_misplaced(answer) else answer  # the key itself is told of already
        yield from ((keys.kept(run.decode(errors="replace")), "hash") for run in runs)


def _of_applies(store: Store) -> Iterator[tuple[str, str]]:
    """Yield what undoes each apply that is kept, with its type."""
    entries: Any = store.connection.xrevrange(store.keys.history)
    return ((store.keys.inverse(entry.decode()), "hash") for entry, _ in entries)


def _fields(store: Store, key: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the fields of a hash that are still there when they are read."""
    names: Any = store.connection.hkeys(key)
    return ((name, raw) for name, raw in fields_of(store.connection, key, names) if raw is not None)


def _signed(store: Store, signer: Signer) -> set[bytes]:
    """Return the digests of the run specs that workers with these keys run."""
    signed, namespace = set[bytes](), store.keys.namespace
    for name, signature in store.connection.hscan_iter(store.keys.signatures, count=_AT_ONCE):
        one = name.decode(errors="replace")
        if not signer.wrong_with_spec(namespace, one, signature.decode(errors="replace")):
            signed.add(_bytes_of(one))
    return signed


def _run_specs(store: Store) -> tuple[set[bytes], set[str]]:
    """Return the digests of the run specs that are what their digests say, and of those that are not."""
    sound, broken = set[bytes](), set[str]()
    for name, text in store.connection.hscan_iter(store.keys.specs, count=_AT_ONCE):
        if _is_sound(name, text):
            sound.add(_bytes_of(name.decode()))
        elif len(broken) < _KEPT:
            broken.add(name.decode(errors="backslashreplace"))
    return sound, broken


def _is_sound(name: bytes, text: bytes) -> bool:
    return digest(text.decode(errors="replace")).encode() == name


def _bytes_of(run: str) -> bytes:
    """Return a digest in half the room; there may be a hundred thousand."""
    try:
        return bytes.fromhex(run)
    except ValueError:
        return run.encode()


def _about_run_specs(store: Store, wanting: Mapping[str, list[str]], broken: set[str]) -> Iterator[Damage]:
    """Yield what is wrong with run specs, those that schedules need first; an apply may have mended some meanwhile."""
    key = store.keys.specs
    for run, names in sorted(wanting.items(), key=lambda item: sorted(item[1]))[:_KEPT]:
        text: Any = store.connection.hget(key, run)
        if text is None:
            message = f"the run spec of {listed(sorted(names))} is missing: their runs are refused"
            yield Damage(message, f"{key} {run}", "`flowerpower apply` writes it anew from git")
        elif not _is_sound(run.encode(), text):
            message = f"the run spec of {listed(sorted(names))} is damaged: their runs are refused"
            hint = f"take it away and write it anew from git: redis-cli HDEL {key} {run}; then `flowerpower apply`"
            yield Damage(message, f"{key} {run}", hint)
    for run in sorted(broken - wanting.keys()):
        hint = f"take it away: redis-cli HDEL {key} {run}; what was refused for it can be run again: flowerpower rerun"
        yield Damage("a run spec is damaged that only runs of before may need", f"{key} {run}", hint)


def _head(raw: Mapping[bytes, bytes], key: str) -> Fact[Head]:
    try:
        return decode_head(raw, key)
    except FormatError as error:
        return Unknown(f"{error}; {error.hint}")
