"""Read the history of applies and what undoes them; plain reads, fit for a Redis user that may only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import Any

from flowerpower.errors import FormatError, HistoryError, UsageError
from flowerpower.state.codec import decode_past, decode_schedule
from flowerpower.state.connection import redis_errors
from flowerpower.state.damage import Damages
from flowerpower.state.inverse import decode_inverse, renames_in
from flowerpower.state.misplaced import is_misplaced, refuse_misplaced
from flowerpower.state.models import History, Inverse, PastApply, Step
from flowerpower.state.pipelined import fields_of, sound
from flowerpower.state.store import Store

SHORT = 8  # digits of an apply id that are shown
_SHORTEST = 4  # digits that name one: fewer are the number of an apply


def read_history(store: Store, count: int | None = None) -> History:
    """Return the newest applies, all that are kept without a *count*; damaged entries are among them and say so."""
    with redis_errors("reading the history"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.time()
        pipe.hgetall(store.keys.head)
        pipe.xrevrange(store.keys.history, count=count)
        time, raw, entries = pipe.execute(raise_on_error=False)
        damages = Damages(store.keys)
        head = damages.head(damages.of_key(store.keys.head, "hash", raw, {}))
        if is_misplaced(entries):
            refuse_misplaced(store.connection, store.keys, {store.keys.history: "stream"})
    return History(
        int(sound(time)[0]),
        head,
        tuple(decode_past(entry, fields) for entry, fields in entries),
        damages.found.get("head"),
    )


def applies_since(history: History, apply_id: str) -> tuple[PastApply, ...]:
    """Return the applies from the newest back to the one that *apply_id* names: an id, the start of one, or the number
    of an apply as `3` or `#3`.

    Raises `UsageError` when it names none, or more than one.
    """
    number, is_start = apply_id.removeprefix("#"), len(apply_id) >= _SHORTEST
    exact = [past for past in history.applies if past.apply_id == apply_id]
    numbered = [past for past in history.applies if past.generation and str(past.generation) == number]
    started = [past for past in history.applies if is_start and past.apply_id.startswith(apply_id)]
    found = exact or numbered + [past for past in started if past not in numbered]
    if not found:
        raise UsageError(_names_none(apply_id), hint="`flowerpower history` shows them")
    if len(found) > 1:
        message, hint = _names_several(apply_id, numbered, started)
        raise UsageError(message, hint=hint)
    return history.applies[: history.applies.index(found[0]) + 1]


def _names_none(apply_id: str) -> str:
    """Return why no apply is meant."""
    number = apply_id.removeprefix("#")
    if number != apply_id or (number.isdecimal() and len(number) < _SHORTEST):
        return f"no apply in the history has the number {number or repr(apply_id)}"
    if len(apply_id) < _SHORTEST:
        return f"{apply_id!r} is no apply id: give at least its first {_SHORTEST} characters, or the apply's number"
    return f"no apply in the history has an id that starts with {apply_id!r}"


def _names_several(apply_id: str, numbered: Sequence[PastApply], started: Sequence[PastApply]) -> tuple[str, str]:
    """Return which applies are meant, and what to write instead."""
    ids = [past.apply_id[: max(SHORT, len(apply_id) + 4)] for past in (*numbered, *started)]
    told = ", ".join(dict.fromkeys(ids[:5]))
    if len(numbered) == 1:
        told = f"the number of apply {ids[0]} and the start of {', '.join(ids[1:5])}"
        return f"{apply_id!r} is both {told}", f"write '#{apply_id}' for the number, or more of the id"
    if numbered:
        return f"{apply_id!r} is the number of {len(numbered)} applies: {told}", "give the id of the one you mean"
    return f"{apply_id!r} is the start of {len(started)} apply ids: {told}", "give more of it"


def read_steps(store: Store, apply_id: str) -> list[Step]:
    """Return the applies from the newest back to the one named, each with what undoes it or why nothing does."""
    history = read_history(store)
    return _with_forgotten(
        store, _steps(store, [_with_given_up(past, history) for past in applies_since(history, apply_id)])
    )


def _with_given_up(past: PastApply, history: History) -> PastApply:
    """Return a rollback with the schedules that had been taken back by what it undid, as far as that is kept."""
    if not past.rollback_of:
        return past
    older = history.applies[history.applies.index(past) + 1 :]
    last = next((number for number, one in enumerate(older) if one.apply_id == past.rollback_of), -1)
    return replace(past, given_up=tuple(sorted({name for one in older[: last + 1] for name in one.taken_back})))


def _with_forgotten(store: Store, steps: list[Step]) -> list[Step]:
    """Return the steps, with what a rollback among them had given up without a change and is forgotten now: the redo
    takes it back as it is.
    """
    *later, (past, inverse) = steps
    touched = {address for _, one in steps if isinstance(one, Inverse) for address in one.objects}
    given_up = {name for one, _ in steps for name in one.given_up if f"schedule.{name}" not in touched}
    if not given_up or isinstance(inverse, HistoryError):
        return steps
    raws = {address: raw for address, raw in _forgotten_records(store, sorted(given_up)).items() if raw is not None}
    run_specs = _run_specs(store, runs := _runs_of(raws))
    objects = {**inverse.objects, **{address: raws[address] for address, run in runs.items() if run in run_specs}}
    return [*later, (past, replace(inverse, objects=objects, run_specs={**inverse.run_specs, **run_specs}))]


def _forgotten_records(store: Store, names: Sequence[str]) -> dict[str, bytes | None]:
    with redis_errors("reading what is forgotten"):
        entries: Any = store.connection.hmget(store.keys.forgotten, names)
    addresses = [f"schedule.{name}" for name, entry in zip(names, entries, strict=True) if entry is not None]
    return _live_records(store, addresses)


def _runs_of(raws: Mapping[str, bytes]) -> dict[str, str]:
    """Return which run spec each schedule has, by its address, where that can be read."""
    found = dict[str, str]()
    for address, raw in raws.items():
        with suppress(FormatError):
            found[address] = decode_schedule(address.partition(".")[2], raw)[0].run
    return found


def _run_specs(store: Store, runs: Mapping[str, str]) -> dict[str, str]:
    digests = sorted(set(runs.values()))
    with redis_errors("reading run specs"):
        texts: Any = store.connection.hmget(store.keys.specs, digests) if digests else []
    return {run: text.decode(errors="replace") for run, text in zip(digests, texts, strict=True) if text is not None}


def read_past(store: Store, apply_id: str) -> tuple[int, list[Step], Mapping[str, bytes | None]]:
    """Return the time, the same steps, and the raw records that are live of what the apply named had changed."""
    history = read_history(store)
    steps = _steps(store, applies_since(history, apply_id))
    _, inverse = steps[-1]
    touched = [] if isinstance(inverse, HistoryError) else list(inverse.objects)
    return history.now, steps, _live_records(store, touched)


def read_past_of(store: Store, name: str) -> tuple[int, list[Step], Mapping[str, bytes | None]]:
    """Return the time, all applies that are kept, and what is live of the object named, an address or a name alone."""
    history = read_history(store)
    steps = _steps(store, history.applies)
    renames = [pair for _, inverse in steps if isinstance(inverse, Inverse) for pair in inverse.renamed.items()]
    names = (name, *{one for pair in renames for one in pair})
    addresses = [one if "." in one else f"{kind}.{one}" for one in names for kind in ("schedule", "pipeline")]
    return history.now, steps, _live_records(store, addresses)


def read_rollbacks(store: Store) -> list[Step]:
    """Return the newest rollbacks that followed each other, the newest first; what was applied since is passed over."""
    applies = dropwhile(lambda past: not past.rollback_of, read_history(store).applies)
    return _steps(store, list(takewhile(lambda past: bool(past.rollback_of), applies)))


def read_renames(store: Store) -> list[Mapping[str, str]]:
    """Return what each apply that is kept renamed, the oldest first: name after it -> name before it."""
    entries = [past.entry for past in reversed(read_history(store).applies) if not past.damaged]
    with redis_errors("reading what was renamed"):
        texts: Any = store.connection.hmget(store.keys.inverses, entries) if entries else []
    return [renamed for text in texts if (renamed := renames_in(text))]


def _steps(store: Store, applies: Sequence[PastApply]) -> list[Step]:
    if not applies:  # Redis refuses to be asked for nothing
        return []
    with redis_errors("reading what undoes the applies"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hmget(store.keys.inverses, [past.entry for past in applies])
        for past in applies:
            pipe.hgetall(store.keys.inverse(past.entry))
        texts, *beside = pipe.execute(raise_on_error=False)
        texts = [texts] * len(applies) if is_misplaced(texts) else texts
        found = zip(applies, texts, beside, strict=True)
    return [(past, _inverse(past, text, moved)) for past, text, moved in found]


def _inverse(past: PastApply, raw: Any, beside: Any) -> Inverse | HistoryError:
    try:
        if past.damaged:
            raise HistoryError("its entry is damaged in Redis")
        if past.old_format:
            raise HistoryError("it was made by an older flowerpower, which kept too little to undo it")
        if isinstance(beside, Exception) or isinstance(raw, Exception):
            raise HistoryError("what would undo it is damaged in Redis")
        return decode_inverse(raw, beside)
    except HistoryError as error:
        return error


def _live_records(store: Store, objects: Sequence[str]) -> dict[str, bytes | None]:
    """Return live objects as they lie in Redis, by address; None for those that are not there."""
    keys, found = store.keys, dict[str, bytes | None]()
    with redis_errors("reading what changed"):
        for kind, key in (("schedule.", keys.schedules), ("pipeline.", keys.pipelines)):
            names = [address.removeprefix(kind) for address in objects if address.startswith(kind)]
            found |= {kind + name: raw for name, raw in fields_of(store.connection, key, names)}
    return found
