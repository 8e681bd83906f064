"""A project and a Redis with a past, set back to what they were before each trial."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis

from flowerpower.jobs.messages.messenger import Messenger
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.store import Store
from support.command_line import CommandLine, command_line
from support.fuzz.case import Case
from support.fuzz.odd import as_bytes
from support.fuzz.plans import FILE, changed_plan
from support.fuzz.project import FILES
from support.fuzz.records import KEYS, families, inflict
from support.players import Player
from support.redis_state import OFFSET_KEY, SHIFTED_CLOCK, dump_keys, shift_clock

FOREIGN = "rq:queue:default rq:job:somebody-elses rq:scheduled:default precious flowerpower:acme.other:head"


@dataclass(frozen=True)
class World:
    """Where trials happen."""

    line: CommandLine
    connection: Redis
    pristine: Path
    snapshot: Mapping[bytes, tuple[int, bytes]]  # key -> milliseconds to live (0: for ever), what DUMP says
    keys: Mapping[str, list[str]]  # of ours, by family
    names: Mapping[str, str]  # what stands in braces in commands
    foreign: Mapping[bytes, Any]

    def prepare(self, case: Case) -> None:
        """Set everything back, and make it as odd as a case wants it."""
        shutil.rmtree(self.line.folder.parent)
        shutil.copytree(self.pristine, self.line.folder.parent, symlinks=True)
        for path, text in case.files.items():
            file = self.line.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(as_bytes(text))
        if case.plan is not None:
            file = self.line.folder / FILE
            file.write_bytes(changed_plan(file.read_bytes(), case))
        self._restore()
        for damage in case.damages:
            inflict(self.connection, damage, dict(self.keys))

    def _restore(self) -> None:
        self.connection.flushall()
        with self.connection.pipeline(transaction=False) as pipe:
            for key, (lives, raw) in self.snapshot.items():
                pipe.restore(key, lives, raw)
            pipe.execute()

    def touched(self) -> list[str]:
        """Return the keys of others that are not what they were."""
        now = dump_keys(self.connection)
        return [key.decode() for key, value in self.foreign.items() if now.get(key) != value]

    def filled(self, words: tuple[str, ...]) -> list[str]:
        """Return the words of a command with the names of this world in their braces."""
        return [self.names.get(word, word) for word in words]


def build(folder: Path, url: str, connection: Redis) -> World:
    """Make a project, apply it twice, run and hold and forget, so that every kind of record is there."""
    connection.flushall()
    cache = folder / "at" / "cache"
    line = command_line(folder / "at" / "project", url, FILES)
    line = CommandLine(line.folder, {**line.environment, "FLOWERPOWER_CACHE_DIR": str(cache), "GITHUB_ACTOR": "ana"})
    _others(connection)
    _must(line, "apply", "--auto-approve")
    _must(line, "trigger", "report")
    _must(line, "trigger", "fails")
    _must(line, "trigger", "bad")
    assert line.process("worker", "--burst").code == 0
    line.write("schedules/new.yaml", "pipeline: report\nevery: 2h\nretry: {max: 3, intervals: [10s]}\n")
    line.write("pipelines/report.yaml", FILES["pipelines/report.yaml"].replace("21", "22"))
    line.commit("more")
    _must(line, "apply", "--auto-approve")
    _must(line, "pause", "held", "--reason", "vendor outage")
    _must(line, "forget", "goes")
    _live(connection)
    _must(line, "trigger", "nightly")
    line.write("schedules/new.yaml", "pipeline: report\nevery: 3h\n")
    (line.folder / "schedules/goes.yaml").unlink()
    line.commit("even more")
    line.write("schedules/held.yaml", "pipeline: report\ncron: '@weekly'\n")
    line.commit("for the plan")
    _must(line, "plan", "--out", FILE)
    line.git("reset", "--quiet", "--hard")
    connection.delete(OFFSET_KEY)
    return _photographed(folder, line, connection)


def _must(line: CommandLine, *words: str) -> None:
    answer = line(*words)
    assert answer.code == 0, (words, answer)


def _others(connection: Redis) -> None:
    connection.rpush("rq:queue:default", "somebody-elses")
    connection.hset("rq:job:somebody-elses", mapping={"data": "[]", "status": "queued", "origin": "default"})
    connection.zadd("rq:scheduled:default", {"somebody-elses-later": 1})
    connection.set("precious", "bytes")
    connection.hset("flowerpower:acme.other:head", mapping={"generation": "3", "format": "1"})


def _live(connection: Redis) -> None:
    """Let ticks pass: one run is claimed, ticks behind it wait."""
    store = Store(connection, KEYS, SHIFTED_CLOCK)
    connection.delete(KEYS.lease, KEYS.messenger)
    shift_clock(connection, 3)
    scheduler = Scheduler(store, "world")
    scheduler.step()
    assert Player(store, KEYS.queue("heavy")).take()
    messenger = Messenger(store, "world", lambda name: "")
    messenger.step()
    shift_clock(connection, 6 * 3600)
    scheduler.step()
    player = Player(store, KEYS.queue("default"))
    while "--fails--" not in (run := player.take()):
        assert run
        player.end()
    player.end("failed")
    messenger.step()  # nobody listens there: the message waits to be sent again
    messenger.resign()
    scheduler.resign()


def _photographed(folder: Path, line: CommandLine, connection: Redis) -> World:
    pristine = folder / "pristine"
    shutil.copytree(folder / "at", pristine, symlinks=True)
    ended = [entry for _, entry in connection.xrange(KEYS.runs) if entry.get(b"event") == b"failed"]
    active = sorted(run.decode() for run in connection.hkeys(KEYS.active))
    history: Any = connection.xrange(KEYS.history)
    names = {
        "{failed}": ended[0][b"job"].decode(),
        "{active}": next(run for run in active if "--second--" in run),
        "{queued}": next(run for run in active if "--nightly--" in run),
        "{apply}": history[-1][1][b"apply_id"].decode(),
        "{tick}": datetime.fromtimestamp(0, UTC).isoformat(),
    }
    snapshot = {}
    for key in connection.scan_iter():
        snapshot[key] = (max(connection.pttl(key), 0), connection.dump(key) or b"")
    foreign = {key: value for key, value in dump_keys(connection).items() if key.decode() in FOREIGN.split()}
    return World(line, connection, pristine, snapshot, families(connection), names, foreign)
