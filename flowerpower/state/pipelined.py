"""Many small reads in few writes, their replies one by one as they come.

redis-py packs each command of a pipeline for itself and keeps all replies; for ten thousand reads that is most of the
work. Here replies are decoded while the server answers the next batch, and never more than two batches are on their
way: what waits for a slow reader counts as memory of the server.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")
Name = TypeVar("Name", str, bytes)
_FIELDS = 100  # in one reply
_COMMANDS = 50  # in one batch


def pack(*words: str | bytes) -> bytes:
    """Return a command as it goes over the wire."""
    return b"*%d\r\n%b" % (len(words), b"".join(map(_pack_word, words)))


def pack_for_keys(command: str, keys: Iterable[str], words: Sequence[str]) -> Iterator[bytes]:
    """Yield the same command for each of many keys, the rest of its words behind the key."""
    start, end = b"*%d\r\n%b$" % (len(words) + 2, _pack_word(command)), b"\r\n" + b"".join(map(_pack_word, words))
    return (b"%b%d\r\n%b%b" % (start, len(key), key, end) for key in map(str.encode, keys))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of a size, the last one shorter."""
    rest = iter(items)
    return iter(lambda: list(islice(rest, size)), [])


def replies(client: Redis, commands: Iterable[Sequence[bytes]]) -> Generator[Any, None, None]:
    """Send batches of packed commands and yield the reply to each; an error of the server is a reply, as in a pipeline.

    For commands whose replies are the same in every version of the protocol. Who stops early loses the connection,
    which has replies to come.
    """
    from redis.exceptions import ResponseError

    pool = client.connection_pool
    connection: Any = pool.get_connection()
    sent = left = 0
    try:
        for batch in chain(commands, [()]):
            left += len(batch)
            connection.send_packed_command([b"".join(batch)])
            for _ in range(sent):
                try:
                    reply = connection.read_response(disable_decoding=True)
                except ResponseError as error:
                    reply = error
                left -= 1
                yield reply
            sent = len(batch)
    finally:
        if left:
            connection.disconnect()
        pool.release(connection)


def fields_of(client: Redis, key: str, names: Sequence[Name]) -> Iterator[tuple[Name, Any]]:
    """Yield what many fields of a hash hold, None for those that are not there; raise what is no hash."""
    commands = batches((pack("HMGET", key, *some) for some in batches(names, _FIELDS)), _COMMANDS)
    for some, reply in zip(batches(names, _FIELDS), replies(client, commands), strict=True):
        yield from zip(some, sound(reply), strict=True)


def sound(reply: Any) -> Any:
    """Return a reply; raise it if it is an error."""
    if isinstance(reply, Exception):
        raise reply
    return reply


def _pack_word(word: str | bytes) -> bytes:
    encoded = word.encode() if isinstance(word, str) else word
    return b"$%d\r\n%b\r\n" % (len(encoded), encoded)
