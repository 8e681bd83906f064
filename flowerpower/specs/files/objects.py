"""Contents of git's objects, many by one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def read_objects(ask: Callable[..., bytes], objects: Sequence[str]) -> Iterator[memoryview | None]:
    """Yield the content of each object, in their order; None for one that git does not have. *ask* calls git."""
    if not objects:
        return
    answer = memoryview(ask("cat-file", "--batch", feed="".join(f"{name}\n" for name in objects).encode()))
    position = 0
    for _ in objects:
        end = position + bytes(answer[position : position + _LONGEST_HEADER]).index(b"\n")
        header = bytes(answer[position:end]).split(b" ")
        position = end + 1
        if header[-1] == b"missing":
            yield None
            continue
        size = int(header[2])
        yield answer[position : position + size]
        position += size + 1


_LONGEST_HEADER = 200  # an object's name, its kind and size
