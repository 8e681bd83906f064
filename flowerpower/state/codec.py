"""Text forms of what lies in Redis, for people who look with `redis-cli` and for the Lua scripts.

Records are JSON objects with `format: 1`; a cursor is `<tick> <revision> <pending job id or ->`.
A format newer than ours is refused; a damaged record is reported, never guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import methodcaller
from typing import Any

from flowerpower.errors import DamagedError, FormatError
from flowerpower.state.keys import LAST_MOMENT
from flowerpower.state.models import (
    Cursor,
    Head,
    Hold,
    Json,
    PastApply,
    Pipeline,
    Record,
    Rules,
    Run,
    Schedule,
    Source,
)

FORMAT = 1
WORDING = ("cron", "every", "at", "start", "end")  # the fields that word a trigger
_SUM = b'{"sum":"'
_COUNT_SPACES = methodcaller("count", b" ")
_SUMMED = len(_SUM) + 64 + len('",')  # where that which the sum is of goes on
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no blanks, no NaN."""
    return _CANONICAL.encode(value)


def packed(value: Any) -> bytes:
    """Return a JSON text of a value, in a fraction of the time: for what is read by machines and never compared."""
    return _fast_writer()(value)


@cache
def _fast_writer() -> Callable[[Any], bytes]:
    from pydantic_core import to_json

    return to_json


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def loads(raw: bytes | str) -> Any:
    """Parse JSON that may be hostile: one nested beyond reason is as damaged as any other."""
    try:
        return _fast_parser()(raw)
    except ValueError:  # it is stricter: what it refuses is looked at again
        try:
            return json.loads(raw)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


@cache
def _fast_parser() -> Callable[[bytes | str], Any]:
    from pydantic_core import from_json

    return from_json


def seal(raw: bytes) -> str:
    """Return the SHA-1 of a raw record, as Redis computes it with `redis.sha1hex`."""
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def encode_schedule(schedule: Schedule, *, revision: int, commit: str, place: str) -> bytes:
    """Return the record of a schedule."""
    return _sealed(
        {  # sorted
            "basis": schedule.basis,
            "digest": schedule.digest,
            "format": FORMAT,
            "name": schedule.name,
            "protected": bool(schedule.fields.get("protected")),
            "provenance": {"place": place, "commit": commit},
            "revision": revision,
            "run": schedule.run,
            "spec": dict(sorted(schedule.fields.items())),
            "timing": schedule.timing,
        }
    )


def encode_pipeline(pipeline: Pipeline, *, revision: int, commit: str, place: str) -> bytes:
    """Return the record of a pipeline."""
    return _sealed(
        {  # sorted
            "code": pipeline.code,
            "digest": pipeline.digest,
            "format": FORMAT,
            "name": pipeline.name,
            "provenance": {"place": place, "commit": commit},
            "revision": revision,
            "spec": dict(sorted(pipeline.fields.items())),
        }
    )


def schedule_digest(name: str, fields: Mapping[str, Json], timing: str, basis: str) -> str:
    """Return the identity of a schedule: the trigger counts by its fire times, not by its wording."""
    rest = {key: value for key, value in fields.items() if key not in WORDING}
    return digest(canonical(["schedule", name, rest, timing, basis]))


def pipeline_digest(name: str, fields: Mapping[str, Json], code: str) -> str:
    """Return the identity of a pipeline: its spec and its code."""
    return digest(canonical(["pipeline", name, fields, code]))


def decode_schedule(name: str, raw: bytes) -> tuple[Schedule, Record]:
    """Return a live schedule, its occurrence not yet known, and its record; raise `DamagedError` if unreadable."""
    data = decode_record("schedule", name, raw)
    try:
        record = _record(data, raw)
        identity = str(data["digest"]) if record.intact else ""
        fields, timing, basis = dict(data["spec"]), str(data["timing"]), str(data["basis"])
        return Schedule(name, fields, timing, basis, str(data["run"]), identity), record
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable("schedule", name) from error


def decode_pipeline(name: str, raw: bytes) -> tuple[Pipeline, Record]:
    """Return a live pipeline and its record; raise `DamagedError` if unreadable."""
    data = decode_record("pipeline", name, raw)
    try:
        record = _record(data, raw)
        identity = str(data["digest"]) if record.intact else ""
        return Pipeline(name, dict(data["spec"]), str(data["code"]), identity), record
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable("pipeline", name) from error


def _sealed(record: Mapping[str, Any]) -> bytes:
    """Return the text of a record, its own SHA-256 in front: that it was altered shows without parsing it."""
    text = packed(record)
    return b'%b%b",%b' % (_SUM, hashlib.sha256(text).hexdigest().encode(), text[1:])


def is_intact(raw: bytes) -> bool:
    """Tell whether a record is as it was written: its own SHA-256 is right."""
    return raw.startswith(b'{"sum":"%b",' % hashlib.sha256(b"{" + raw[_SUMMED:]).hexdigest().encode())


def _record(data: Mapping[str, Any], raw: bytes) -> Record:
    provenance = data.get("provenance", {})
    return Record(
        revision=int(data["revision"]),
        seal=seal(raw),
        protected=bool(data.get("protected")),
        intact=is_intact(raw),
        digest=str(data["digest"]),
        commit=str(provenance.get("commit", "")),
        place=str(provenance.get("place", "")),
    )


def decode_record(kind: str, name: str, raw: bytes) -> dict[str, Any]:
    """Return the values of a record; raise `DamagedError` if it is damaged, `FormatError` if its format is newer."""
    try:
        data = loads(raw)
        version = data["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(kind, name) from error
    if isinstance(version, int) and version > FORMAT:
        raise FormatError(f"the record of {kind} {name!r} has format {version}; this flowerpower reads format {FORMAT}")
    if version != FORMAT:
        raise _unreadable(kind, name)
    return dict(data)


def _unreadable(kind: str, name: str) -> DamagedError:
    return DamagedError(f"the record of {kind} {name!r} in Redis is damaged")


def encode_cursor(cursor: Cursor) -> str:
    """Return the text of a cursor."""
    return f"{cursor.tick} {cursor.revision} {cursor.pending or '-'}"


def decode_cursor(schedule: str, raw: bytes) -> Cursor:
    """Return a cursor; raise `DamagedError` if it is not one."""
    try:
        tick, revision, pending = raw.split(b" ")
        if b"\0" in pending:
            raise ValueError("a NUL is in no id")
        named = None if pending == b"-" else pending.decode(errors="replace")
        return Cursor(_number(tick.decode()), _number(revision.decode()), named)
    except ValueError as error:
        raise DamagedError(
            f"the cursor of schedule {schedule!r} in Redis is damaged: {raw[:80]!r}",
            hint="`flowerpower apply` mends it: the schedule then starts from now",
        ) from error


def _number(text: str) -> int:
    """Return a tick or a revision; raise `ValueError` for a text that the scripts would not read as the same."""
    if not (text.isascii() and text.isdigit() and (number := int(text)) <= LAST_MOMENT):
        raise ValueError("no number that we write")
    return number


class _Numbers(dict[str, int]):
    """Whole numbers by their texts, each held once: many cursors have the same."""

    def __missing__(self, text: str) -> int:
        number = self[text] = _number(text)
        return number


def decode_cursors(raw: Mapping[bytes, bytes]) -> dict[str, Cursor] | None:
    """Return many cursors by the names of their schedules, in a third of the time; None if one may be damaged."""
    joined = b" ".join(raw.values())
    if not set(map(_COUNT_SPACES, raw.values())) <= {2} or b"\0" in joined or not joined.isascii():
        return None  # or each is looked at by itself
    try:
        words = joined.decode().split(" ") if raw else []
        pending = [None if word == "-" else word for word in words[2::3]]
        number = _Numbers().__getitem__
        cursors = map(Cursor, map(number, words[::3]), map(number, words[1::3]), pending)
        return dict(zip(map(bytes.decode, raw), cursors, strict=True))
    except ValueError:
        return None


def decode_head(raw: Mapping[bytes, bytes], key: str = "KEY") -> Head:
    """Return the head, which lies in Redis at *key*; an empty hash is generation 0."""
    if not raw:
        return Head()
    text = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in raw.items()}
    version = text.get("format", "")
    if version.isdecimal() and version.isascii() and int(version[:20]) > FORMAT:
        raise FormatError(f"this namespace has format {version[:20]!r}; this flowerpower reads format {FORMAT}")
    try:
        if version != str(FORMAT):
            raise ValueError("no format that we know")
        return Head(
            generation=int(text["generation"]),
            apply_id=text.get("apply_id", ""),
            commit=text.get("commit", ""),
            repository=text.get("repository", ""),
            who=text.get("who", ""),
            when=int(text.get("when", "0")),
            flowerpower=text.get("flowerpower", ""),
            tzdata=text.get("tzdata", ""),
            first_apply=text.get("first_apply", ""),
            rolled_back=tuple(text.get("rolled_back", "").split()),
            rules=Rules(text.get("guards", ""), text.get("policies", "")),
        )
    except (KeyError, ValueError) as error:
        raise DamagedError(
            "the head of this namespace in Redis, which says what was applied last, is damaged",
            hint=f"look at it: redis-cli HGETALL {key}; if it is beyond repair, remove it: redis-cli DEL {key}; and "
            "apply. Guards then have nothing to compare with, and schedules start from then on",
        ) from error


def decode_past(entry: bytes, raw: Mapping[bytes, bytes]) -> PastApply:
    """Return one entry of the history; one that cannot be read says so, and keeps its place among the others."""
    text = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in raw.items()}
    name = entry.decode(errors="replace")
    try:
        counts, holds = loads(text["summary"]), loads(text.get("holds", "{}"))
        if not 0 <= int(text["when"]) <= LAST_MOMENT:
            raise ValueError("no such moment")
        return PastApply(
            entry=name,
            apply_id=text["apply_id"],
            generation=int(text["generation"]),
            when=int(text["when"]),
            commit=text["commit"],
            repository=text.get("repository", ""),
            who=text["who"],
            added=int(counts["create"]),
            changed=int(counts["update"]),
            destroyed=int(counts["delete"]),
            rollback_of=text.get("rollback_of", ""),
            before=Source(
                text.get("previous_commit", ""),
                text.get("previous_repository", ""),
                rolled_back=tuple(text.get("previous_rolled_back", "").split()),
            ),
            holds={str(schedule): str(hold) for schedule, hold in holds.items()},
            taken_back=tuple(map(str, loads(text.get("taken_back", "[]")))),
            old_format="previous_commit" not in text,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return PastApply(name, apply_id=text.get("apply_id", ""), damaged=True)


def decode_hold(raw: bytes) -> Hold:
    """Return a hold; one that cannot be read still holds."""
    try:
        data = loads(raw)
        who, why, since = str(data["who"]), str(data["why"]), _moment(data["since"])
        until, began = data.get("until"), data.get("began")
        return Hold(who, why, since, None if until is None else _moment(until), _moment(began or 0))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Hold("unknown", "the hold's record is damaged", 0)


def _moment(value: Any) -> int:
    """Return epoch seconds that every calendar has a date for."""
    if not 0 <= int(value) <= LAST_MOMENT:
        raise ValueError(f"{value} is not a moment")
    return int(value)


def decode_run(run_id: str, raw: bytes) -> Run | None:
    """Return an active run, None if its entry cannot be read."""
    try:
        data = loads(raw)
        return Run(
            id=run_id,
            name=str(data["name"]),
            tick=int(data["tick"]),
            attempt=int(data["attempt"]),
            since=int(data["since"]),
            execution=str(data.get("execution") or ""),
            gone="gone" in data and data["gone"] == data.get("execution"),
            alone=data.get("alone") is True,
            waits=str(data.get("waits") or ""),
            tried=bool(data.get("started")),
        )
    except (ValueError, KeyError, TypeError):
        return None


def count_waiting(raw: bytes) -> int:
    """Return how many ticks wait for the active run of a schedule; none when that cannot be read."""
    try:
        ticks = loads(raw)["ticks"]
        return len(ticks) if isinstance(ticks, list) else 0
    except (ValueError, KeyError, TypeError):
        return 0


def encode_troubles(troubles: Sequence[str]) -> str:
    """Return what a scheduler finds wrong as it lies in Redis."""
    return json.dumps(list(troubles))


def decode_troubles(raw: bytes | None) -> tuple[str, ...]:
    """Return what a scheduler finds wrong; what cannot be read is something wrong itself."""
    if raw is None:
        return ()
    try:
        found = loads(raw)
    except ValueError:
        found = None
    if not isinstance(found, list):
        return ("what the scheduler reported cannot be read",)
    return tuple(str(text) for text in found)
