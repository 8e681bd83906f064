"""The live schedules as a scheduler keeps them between ticks: read and compiled once, fired in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from flowerpower.errors import FormatError, StoreError
from flowerpower.jobs.ledger import Ledger
from flowerpower.jobs.scheduling.firing import Compiled, FireMessage, Mode, compile_schedule, fire_message
from flowerpower.jobs.scheduling.troubles import Troubles
from flowerpower.state.codec import decode_cursor, decode_schedule
from flowerpower.state.connection import is_away, redis_errors
from flowerpower.state.damage import UNUSABLE, way_out_of
from flowerpower.state.models import Cursor
from flowerpower.state.pipelined import batches, fields_of
from flowerpower.state.store import Store

TRIES = 3  # failures, before anything else, after which the script fails for all
AT_ONCE = 250  # schedules fired by one call of the script, during which Redis answers nobody else
_FIRST = 50  # fired by the first call, for which Redis waits


class Fleet:
    """The schedules of one namespace; one whose records are not usable is set aside and does not stop the others."""

    def __init__(self, store: Store, troubles: Troubles | None = None) -> None:
        self.store = store
        self.ledger = Ledger(store)
        self._troubles = troubles or Troubles()
        self._compiled: dict[str, Compiled] = {}
        self._broken: dict[str, tuple[int, str]] = {}  # the revision that is not usable, and why
        self._hindered: dict[str, str] = {}
        self._apart: dict[str, str] = {}  # those whose cursor was of another revision than their record, and how

    def fire(self, cursors: Mapping[str, Cursor], now: int, mode: Mode = "due") -> int:
        """Decide and fire schedules, some at a time; one that is broken is logged and does not stop the others.

        While Redis runs the script for some of them, the next are decided.
        """
        self.compile({name: cursor.revision for name, cursor in cursors.items()})
        sent: deque[dict[str, FireMessage]] = deque()

        def decided() -> Iterator[list[FireMessage]]:
            rest = iter(cursors.items())
            for items in chain([list(islice(rest, _FIRST))], batches(rest, AT_ONCE)):
                if messages := self._messages(items, now, mode):
                    sent.append(messages)
                    yield list(messages.values())

        fired = sum(self._note(sent.popleft(), answers) for answers in self.ledger.fire_each(decided()))
        self._tell()
        return fired

    def _messages(self, items: Sequence[tuple[str, Cursor]], now: int, mode: Mode) -> dict[str, FireMessage]:
        messages: dict[str, FireMessage] = {}
        for name, cursor in items:
            compiled = self._compiled.get(name)
            if compiled is None:
                continue
            if compiled.revision != cursor.revision:
                self._part(name, cursor.revision, compiled.revision)
                continue
            try:
                messages[name] = fire_message(self.store.keys, compiled, cursor, now, mode)
            except UNUSABLE as error:
                self._break(name, cursor.revision, error)
        return messages

    def _note(self, messages: Mapping[str, FireMessage], said: Sequence[str]) -> int:
        """Note what became of some schedules and return how many fired; if the script failed, fire each alone first."""
        answers = dict(zip(messages, said, strict=True)) if said else self._fire_apart(messages)
        for name, answer in answers.items():
            self._hindered.pop(name, None)
            if answer == "damaged":
                self._hindered[name] = f"schedule {name} cannot be fired: a key of another type is in its way"
            elif answer.startswith("Redis failed"):
                self._hindered[name] = f"schedule {name} cannot be fired: {answer}"
        return list(answers.values()).count("fired")

    def _fire_apart(self, messages: Mapping[str, FireMessage]) -> dict[str, str]:
        answers: dict[str, str] = {}
        failed = 0
        for name, message in messages.items():
            try:
                (answers[name],) = self.ledger.fire([message])
            except StoreError as error:
                failed += 1
                if is_away(error) or len(messages) == 1 or failed == len(answers) + 1 == TRIES:
                    raise  # it is not about one of them
                answers[name] = str(error)
        return answers

    def cursors(self, names: Sequence[str]) -> dict[str, Cursor]:
        """Return the cursors of the named schedules; those that have none are left out."""
        if not names:
            return {}
        with redis_errors("reading cursors"):
            found: Any = self.store.connection.hmget(self.store.keys.cursors, list(names))
        return self.decode_cursors(dict(zip(names, found, strict=True)))

    def decode_cursors(self, raw: Mapping[str, bytes | None]) -> dict[str, Cursor]:
        """Return the cursors that can be read; a damaged one is logged once and left to apply."""
        cursors: dict[str, Cursor] = {}
        for name, text in raw.items():
            try:
                if text is not None:
                    cursors[name] = decode_cursor(name, text)
            except FormatError as error:
                self._break(name, 0, error)
        self._tell()
        return cursors

    def forget(self) -> None:
        """Forget every schedule: what is live now has nothing to do with what was."""
        self._compiled.clear()
        self._broken.clear()
        self._hindered.clear()
        self._apart.clear()

    def compile(self, revisions: dict[str, int]) -> None:
        """Read and compile the schedules whose revision is not the one we know."""
        names = [name for name, revision in revisions.items() if self._needs(name, revision)]
        if not names:
            return
        with redis_errors("reading schedules"):
            for name, raw in fields_of(self.store.connection, self.store.keys.schedules, names):
                if raw is None:
                    self._drop(name)
                else:
                    self._compile(name, raw, revisions[name])

    def _compile(self, name: str, raw: bytes, revision: int) -> None:
        try:
            schedule, record = decode_schedule(name, raw)
            self._compiled[name] = compile_schedule(self.store.keys, schedule, record.revision)
            self._broken.pop(name, None)
            if record.revision == revision and self._apart.pop(name, ""):
                self._hindered.pop(name, None)
        except UNUSABLE as error:
            self._break(name, revision, error)

    def _break(self, name: str, revision: int, error: Exception) -> None:
        """Set a schedule aside whose records are not usable."""
        self._compiled.pop(name, None)
        self._broken[name] = (revision, f"schedule {name} cannot be fired: {error}; {way_out_of(error)}")

    def _part(self, name: str, cursor: int, record: int) -> None:
        """Tell of a schedule whose cursor is of another revision than its record, unless an apply came in between."""
        text = (
            f"schedule {name} cannot be fired: its cursor is of revision {cursor}, its record of revision {record}; "
            f"apply repairs it"
        )
        if self._apart.get(name) == text:
            self._hindered[name] = text
        self._apart[name] = text

    def _drop(self, name: str) -> None:
        self._compiled.pop(name, None)
        self._broken.pop(name, None)
        self._hindered.pop(name, None)
        self._apart.pop(name, None)

    def _tell(self) -> None:
        broken = {name: text for name, (_, text) in self._broken.items()}
        self._troubles.report("schedules", {**self._hindered, **broken})

    def queue_of(self, name: str) -> str:
        """Return the RQ queue of a schedule that was compiled, an empty text for any other."""
        compiled = self._compiled.get(name)
        return compiled.queue if compiled else ""

    def expects_occurrence(self, name: str, cursor: Cursor) -> bool:
        """Tell whether a compiled schedule should have a pending occurrence."""
        compiled = self._compiled.get(name)
        if compiled is None or compiled.paused:
            return False
        return cursor.pending is not None or compiled.trigger.next_tick(cursor.tick) is not None

    def _needs(self, name: str, revision: int) -> bool:
        known = self._compiled.get(name)
        return (known is None or known.revision != revision) and self._broken.get(name, (None, ""))[0] != revision
