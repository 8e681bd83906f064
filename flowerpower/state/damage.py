"""Names and records in Redis that cannot be read: each is told by itself, and hides nothing of the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flowerpower.errors import DamagedError, FlowerPowerError, FormatError
from flowerpower.state.codec import decode_cursor, decode_cursors, decode_head
from flowerpower.state.glance import of_another_revision
from flowerpower.state.keys import Keys
from flowerpower.state.misplaced import address_of, is_misplaced, kind_of, misplaced
from flowerpower.state.models import Cursor, Damage, Head, Record, State

T = TypeVar("T")
UNUSABLE = (FlowerPowerError, KeyError, TypeError, ValueError, AttributeError)
"""What an altered record can raise where it is used."""


@dataclass(slots=True)
class Damages:
    """What a look at a namespace found damaged, by address."""

    keys: Keys
    found: dict[str, Damage] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)  # addresses of whole keys: what they hold is not known

    def types(self, wanted: Mapping[str, str], replies: Iterable[Any]) -> None:
        """Note the keys that are of another type than *wanted*, by the replies to TYPE."""
        for (key, kind), reply in zip(wanted.items(), replies, strict=True):
            found = kind_of(reply)
            if found not in ("", kind):
                self.found[address_of(self.keys, key)] = misplaced(self.keys, key, kind, found)

    def of_key(self, key: str, wanted: str, reply: Any, otherwise: T, *, matters: bool = True) -> T:
        """Return what a key holds, *otherwise* where it is of another type; raise any other failure.

        Where that *matters*, nothing may be planned without it.
        """
        if not is_misplaced(reply):
            held: T = reply
            return held
        address = address_of(self.keys, key)
        self.found.setdefault(address, misplaced(self.keys, key, wanted))
        if matters:
            self.unread.append(address)
        return otherwise

    def add(self, address: str, error: DamagedError) -> None:
        """Note the record, cursor or head that *error* is about."""
        kind, _, name = address.partition(".")
        self.found[address] = Damage(str(error), f"{self._key(kind)} {name}".rstrip(), error.hint)

    def names(self, kind: str, raw: Iterable[bytes]) -> list[str]:
        """Return the names under which records of a kind are kept; what no text can be is noted."""
        try:
            return [name.decode() for name in raw]
        except UnicodeDecodeError:
            return [name for one in raw if (name := self._name(kind, one)) is not None]

    def cursors(self, raw: Mapping[bytes, bytes]) -> tuple[dict[str, Cursor], Collection[str]]:
        """Return the cursors by the names of their schedules, and the names, those of damaged ones among them."""
        sound = decode_cursors(raw)
        if sound is not None:
            return sound, sound
        found: dict[str, Cursor] = {}
        for one, text in raw.items():
            name = one.decode(errors="replace")
            try:
                found[name] = decode_cursor(name, text)
            except DamagedError as error:
                self.add(f"cursor.{name}", error)
        return found, [one.decode(errors="replace") for one in raw]

    def revisions(self, cursors: Mapping[str, Cursor], records: Mapping[str, Record], state: State) -> None:
        """Note the cursors that are of other revisions than the records of their schedules."""
        for name in of_another_revision(state.schedules.values(), cursors):
            record, revision = records[f"schedule.{name}"], cursors[name].revision
            if not record.damaged and record.revision != revision:
                self.add(f"cursor.{name}", _apart(name, revision, record.revision))

    def head(self, raw: Mapping[bytes, bytes]) -> Head:
        """Return the head; an empty one where it cannot be read."""
        try:
            return decode_head(raw, self.keys.head)
        except DamagedError as error:
            self.add("head", error)
            return Head()

    def _name(self, kind: str, raw: bytes) -> str | None:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            name = raw.decode(errors="backslashreplace")
            self.found[f"{kind}.{name}"] = Damage(
                f"a {kind} is kept in Redis under {name!r}, which is no name",
                f"{self._key(kind)} {name}",
                f"remove it: redis-cli HDEL {self._key(kind)} {_in_bash(raw)}; nothing of ours has such a name",
            )
            return None

    def _key(self, kind: str) -> str:
        if kind == "head":
            return self.keys.head
        return self.keys.cursors if kind == "cursor" else self.keys.records(kind)


def _in_bash(raw: bytes) -> str:
    """Return bytes as a word that bash takes for them."""
    return "$'" + "".join(chr(one) if chr(one).isalnum() and one < 128 else f"\\x{one:02x}" for one in raw) + "'"


def _apart(name: str, cursor: int, record: int) -> DamagedError:
    """Return what is wrong with a cursor of another revision than its schedule's record."""
    return DamagedError(
        f"the cursor of schedule {name!r} in Redis is of revision {cursor}, its record of revision {record}: "
        f"it never fires",
        hint="`flowerpower apply` mends it: the schedule goes on from its last decided tick",
    )


def way_out_of(error: Exception) -> str:
    """Return what helps where a record cannot be used: an apply, unless a newer flowerpower wrote it."""
    return str(error.hint) if type(error) is FormatError else "apply repairs it"
