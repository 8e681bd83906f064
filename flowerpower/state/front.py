"""The first round trip of a look at the live state: the names of everything, and what is small."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowerpower.state.codec import decode_troubles
from flowerpower.state.damage import Damages
from flowerpower.state.keys import Keys
from flowerpower.state.memory import disk_words, full_words
from flowerpower.state.models import Cursor
from flowerpower.state.pipelined import batches, sound
from flowerpower.state.replication import replication_words

if TYPE_CHECKING:
    from redis import Redis

RECORDS = 100  # in one reply


@dataclass(frozen=True, slots=True)
class Front:
    """The first round trip: the names of everything, and what is small."""

    now: int
    head: Mapping[bytes, bytes]
    schedules: Sequence[str]
    pending: Sequence[str | None]  # the id of the job that waits for each of the schedules
    pipelines: Sequence[str]
    cursors: Mapping[str, Cursor]
    with_cursor: Collection[str]  # schedules, those whose cursor is damaged among them
    marks: Sequence[int]  # of the texts of the cursors, a batch each: enough to see that none has moved
    holds: Mapping[bytes, bytes]
    active: Mapping[bytes, bytes]
    buffers: Mapping[bytes, bytes]
    forgotten: frozenset[str]
    run_specs: Collection[bytes]  # those that there are, each as `start_of` its digest
    rq_queues: frozenset[str]
    lease: bytes
    troubles: tuple[str, ...]
    damages: Damages


def start_of(digest: bytes) -> bytes:
    """Return the first 128 bits of a digest: enough to tell them apart, and a third of the memory."""
    try:
        return unhexlify(digest[:32])
    except ValueError:
        return digest


def read_front(client: Redis, keys: Keys) -> Front:
    """Ask for the names of everything, and for what is small."""
    now, held, damages = _ask_front(client, keys)
    head, cursors, holds, active, buffers, schedules, pipelines, forgotten, specs, rq_queues, lease, troubles = held
    prefix = keys.queue_list("")
    found, with_cursor = damages.cursors(cursors)
    same = {name: name for name in found}  # held once, though several of what is read hold it
    names = [same.get(name, name) for name in damages.names("schedule", schedules)]
    return Front(
        now=now,
        head=head,
        schedules=names,
        pending=[found[name].pending if name in found else None for name in names],
        pipelines=damages.names("pipeline", pipelines),
        cursors=found,
        with_cursor=with_cursor,
        marks=[hash(tuple(some)) for some in batches(cursors.values(), RECORDS)],
        holds=holds,
        active=active,
        buffers=buffers,
        forgotten=frozenset(name.decode(errors="replace") for name in forgotten),
        run_specs=frozenset(map(start_of, specs)),
        rq_queues=frozenset(key.decode(errors="replace").removeprefix(prefix) for key in rq_queues),
        lease=lease or b"",
        troubles=troubles,
        damages=damages,
    )


def _ask_front(client: Redis, keys: Keys) -> tuple[int, list[Any], Damages]:
    """Return the time, what the keys below hold, in their order, and what of it cannot be read."""
    damages, wanted = Damages(keys), keys.types()
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for key in wanted:
        pipe.type(key)
    asked: list[tuple[str, Any]] = []  # and what stands for a key of another type
    for key in (keys.head, keys.cursors, keys.holds, keys.active, keys.buffers):
        pipe.hgetall(key)
        asked.append((key, {}))
    for key in (keys.schedules, keys.pipelines, keys.forgotten, keys.specs):
        pipe.hkeys(key)
        asked.append((key, ()))
    pipe.smembers(keys.queues)
    pipe.get(keys.lease)
    pipe.get(keys.troubles)
    pipe.info("memory")
    pipe.info("persistence")
    pipe.info("replication")
    asked += [(keys.queues, ()), (keys.lease, None), (keys.troubles, None)]
    time, *replied = pipe.execute(raise_on_error=False)
    kinds, held, (memory, disk, others) = replied[: len(wanted)], replied[len(wanted) : -3], replied[-3:]
    damages.types(wanted, kinds)
    found = [
        damages.of_key(key, wanted[key], reply, nothing, matters=key not in (keys.head, keys.lease, keys.troubles))
        for (key, nothing), reply in zip(asked, held, strict=True)
    ]
    refused = (*full_words(memory), *disk_words(disk), *replication_words(others, is_led=bool(found[-2])))
    troubles = (*refused, *decode_troubles(found[-1]))
    return int(sound(time)[0]), [*found[:-1], troubles], damages
