"""What every benchmark is given: its peers, how thorough to be, a place to work, a fresh Redis."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis

from benchmarks.children import run_side
from benchmarks.measure import Row, Run, Side, compare
from benchmarks.peers import Peers
from benchmarks.samples import Sample
from flowerpower import __version__
from flowerpower.embedded import embedded_server

_SLOW_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a benchmark."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    text: str = ""  # instead of rows


@dataclass(frozen=True, slots=True)
class Context:
    """How one run of the benchmarks is to be done."""

    peers: Peers
    rounds: int
    quick: bool
    durable: bool
    folder: Path
    say: Callable[[str], None]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return how much work each benchmark does, smallest first."""
        return (1_000,) if self.quick else (1_000, 10_000)

    @property
    def large_sizes(self) -> tuple[int, ...]:
        """Return the same with the largest size that is promised to work, for what is quick enough."""
        return self.sizes if self.quick else (*self.sizes, 100_000)

    def slow_size(self, size: int) -> int:
        """Return how much of it a slow peer does: less in a quick run, and the table says so."""
        return size // 10 if self.quick else size

    def slowest_size(self, size: int) -> int:
        """Return how much a peer does that would need more than a minute: at most a thousand, whatever the run."""
        return min(self.slow_size(size), 1_000)

    def slow_rounds(self, size: int) -> int:
        """Return how often a slow peer takes part."""
        return self.rounds if size <= 1_000 else min(self.rounds, _SLOW_ROUNDS)

    @property
    def version(self) -> str:
        """Return the version of flowerpower."""
        return __version__

    def compare(self, title: str, sides: Sequence[Side], note: str = "") -> Table:
        """Measure the sides, flowerpower first, and return the table."""
        self.say(title)
        return Table(title, tuple(compare(sides, self.rounds, self.say)), note)

    @contextmanager
    def stage(self, *, emptied: bool) -> Iterator[Stage]:
        """Yield a server of our own, with or without an append-only file as asked."""
        with TemporaryDirectory(dir=self.folder) as folder, embedded_server(Path(folder), durable=self.durable) as url:
            yield Stage(url, self.peers.python, emptied)


@dataclass(frozen=True, slots=True)
class Stage:
    """A Redis server and how sides run on it; `emptied` before each run, or left as it is."""

    url: str
    peers: Path
    emptied: bool

    def ours(self, action: str, world: Path, *more: str, side: str = "flowerpower_side") -> Run:
        """Return how flowerpower does an action on a world, in a process of its own."""
        return self._run(Path(sys.executable), side, action, world, *more)

    def peer(self, module: str, action: str, world: Path, *more: str) -> Run:
        """Return how a peer does it, in a process of the peers' environment."""
        return self._run(self.peers, module, action, world, *more)

    def _run(self, python: Path, module: str, action: str, world: Path, *more: str) -> Run:
        def run_once() -> Mapping[str, Sample]:
            if self.emptied:
                with Redis.from_url(self.url) as connection:
                    connection.flushall()
            return run_side(python, module, action, self.url, str(world), *more)

        return run_once
