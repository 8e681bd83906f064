"""What a version of flowerpower left behind, kept as it was: `python -m support.old_data 0.1.0` writes it, once.

Redis is kept as types and values in JSON, not as what DUMP answers: a DUMP holds the format version of the server that
made it, and an older server, or the other of Redis and Valkey, refuses it. The values are the bytes that flowerpower
and RQ wrote, which is what has to be read. The project is a git bundle: commits are part of what is applied.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from redis import Redis

from flowerpower import __version__
from flowerpower.jobs.messages.messenger import Messenger
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store
from support.command_line import FILES, CommandLine, command_line
from support.players import Player

FOLDER = Path(__file__).resolve().parents[1] / "data"
HASHES = FOLDER / "hashes.txt"
KEYS = Keys("acme", "prod")
SIGNING_KEY = "the-key-of-the-kept-data-that-protects-nothing"
FIVE = 5.5  # seconds in which each schedule of every 5 s has a tick
PLAN, SHOWN, REDIS, BUNDLE, EXPECTED = "plan.json", "plan-shown.json", "redis.json", "project.bundle", "expected.json"
MORE = {
    "flowerpower.yaml": FILES["flowerpower.yaml"] + "queues: {default: {}, heavy: {}}\n",
    "pipelines/bad.yaml": "modules: [bad]\noutputs: [wrong]\n",
    "schedules/nightly.yaml": 'pipeline: report\ncron: "0 2 * * *"\nowner: ana\ninputs: {number: 5}\n',
    "schedules/fails.yaml": 'pipeline: bad\nevery: 5s\nretry: {max: 1}\non_failure: ["http://127.0.0.1:9/x"]\n',
    "schedules/often.yaml": "pipeline: report\nevery: 5s\n",
    "schedules/waits.yaml": "pipeline: report\nevery: 5s\noverlap: buffer_all\ncatchup: all\nqueue: heavy\n",
    "schedules/held.yaml": "pipeline: report\ncron: '@daily'\ntimezone: Asia/Tokyo\n",
    "schedules/goes.yaml": "pipeline: report\nat: 2099-01-01T00:00:00\n",
    "flows/bad.py": "def wrong() -> int:\n    print('so far so good')\n    raise ValueError('no bread')\n",
}


def versions() -> list[str]:
    """Return the versions of which something is kept."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def files_of(version: str) -> Iterator[Path]:
    """Yield the files that are kept of a version."""
    yield from sorted(file for file in (FOLDER / version).rglob("*") if file.is_file())


def line_of(file: Path) -> str:
    """Return the line in `hashes.txt` of a file."""
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(FOLDER).as_posix()}"


def restore(version: str, connection: Redis) -> None:
    """Fill an empty Redis with what lay there, times to live included."""
    connection.flushall()
    kept = json.loads((FOLDER / version / REDIS).read_text(encoding="utf-8"))
    for key, entry in kept.items():
        _write(connection, _bytes(key), entry["type"], entry["value"])
        if entry["milliseconds"]:
            connection.pexpire(_bytes(key), entry["milliseconds"])


def checkout(version: str, folder: Path, url: str) -> CommandLine:
    """Return the command line in the project of that version, at the commit applied last, with an old cache."""
    kept = FOLDER / version
    subprocess.run(["git", "clone", "--quiet", "--branch", "main", kept / BUNDLE, folder / "project"], check=True)
    shutil.copytree(kept / "cache", folder / "cache")
    line = CommandLine(folder / "project", _environment(url, folder / "cache"))
    line.git("remote", "remove", "origin")
    return line


def expected(version: str) -> Any:
    """Return what that version itself said of it."""
    return json.loads((FOLDER / version / EXPECTED).read_text(encoding="utf-8"))


def _environment(url: str, cache: Path) -> dict[str, str]:
    return {
        "FLOWERPOWER_REDIS": url,
        "FLOWERPOWER_ENV": KEYS.env,
        "FLOWERPOWER_CACHE_DIR": str(cache),
        "FLOWERPOWER_SIGNING_KEY": SIGNING_KEY,
        "GITHUB_ACTOR": "ana",
    }


def keep(version: str, url: str, connection: Redis) -> None:
    """Let this version do all that it can, and keep what it leaves; what is kept already is never written again."""
    if version != __version__:
        raise SystemExit(f"this is flowerpower {__version__}, not {version}")
    if (FOLDER / version).exists():
        raise SystemExit(f"{FOLDER / version} is there: what was kept is never made anew")
    connection.flushall()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        line = command_line(folder / "project", url, {**FILES, **MORE})
        line = CommandLine(line.folder, _environment(url, folder / "cache"))
        target = folder / "kept"
        target.mkdir()
        _live(line, connection)
        line.git("bundle", "create", "--quiet", str(target / BUNDLE), "main")
        _plan_more(line, target)
        (target / REDIS).write_text(json.dumps(dict(_dump(connection)), indent=1) + "\n", encoding="utf-8")
        (target / EXPECTED).write_text(json.dumps(_facts(line, connection), indent=1) + "\n", encoding="utf-8")
        shutil.copytree(folder / "cache", target / "cache")
        shutil.copytree(target, FOLDER / version)
    with HASHES.open("a", encoding="utf-8") as hashes:
        hashes.writelines(f"{line_of(file)}\n" for file in files_of(version))


def _live(line: CommandLine, connection: Redis) -> None:
    """Apply three times; let runs succeed, fail, wait and stand; hold, forget, pass ticks."""
    _must(line, "apply", "--auto-approve")
    for name in ("report", "nightly", "fails", "bad"):
        _must(line, "trigger", name)
    assert line.process("worker", "--burst").code == 0
    line.write("flows/flow.py", "def doubled(number: int) -> int:\n    return number + number\n")
    line.write("schedules/new.yaml", "pipeline: report\nevery: 2h\n")
    line.commit("more")
    _must(line, "apply", "--auto-approve")
    (line.folder / "schedules/new.yaml").unlink()
    line.write("schedules/newer.yaml", "pipeline: report\nevery: 3h\n")
    line.commit("other")
    _must(line, "apply", "--auto-approve")
    _must(line, "pause", "held", "--reason", "vendor outage")
    _must(line, "forget", "goes")
    (line.folder / "schedules/goes.yaml").unlink()
    line.commit("forgotten")
    _must(line, "apply", "--auto-approve")
    _let_ticks_pass(Store(connection, KEYS))
    _must(line, "plan")
    _must(line, "validate")


def _let_ticks_pass(store: Store) -> None:
    """Fire for a while, by the true clock, so that all of it is past for whoever reads it."""
    messenger, scheduler = Messenger(store, "old", lambda name: ""), Scheduler(store, "old")
    messenger.step()
    time.sleep(FIVE)
    scheduler.step()
    assert Player(store, KEYS.queue("heavy")).take()  # this run goes on, and ticks wait behind it
    player = Player(store, KEYS.queue("default"))
    while run := player.take():
        player.end("failed" if "--fails--" in run else "succeeded")
    for _ in range(2):  # what is enqueued first stands in the way of what follows
        time.sleep(FIVE)
        scheduler.step()
    messenger.step()  # nobody listens there: the message waits to be sent again
    messenger.resign()
    scheduler.resign()


def _plan_more(line: CommandLine, target: Path) -> None:
    """Save a plan of a commit that is not applied."""
    line.write("schedules/newer.yaml", "pipeline: report\nevery: 4h\n")
    line.commit("planned")
    line.git("bundle", "create", "--quiet", str(target / "planned.bundle"), "main")
    shown = line("plan", "--out", str(target / PLAN), "--json")
    (target / SHOWN).write_text(shown.out, encoding="utf-8")
    line.git("reset", "--quiet", "--hard", "HEAD~1")


def _facts(line: CommandLine, connection: Redis) -> dict[str, Any]:
    status = line("status", "--json").document
    runs = line("runs", "--json", "--limit", "1000").document
    history = line("history", "--json").document
    queued = [run.decode() for run in connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)]
    return {"status": status, "runs": runs, "history": history, "queued": queued}


def _must(line: CommandLine, *words: str) -> None:
    answer = line(*words)
    assert answer.code == 0, (words, answer)


def _dump(connection: Redis) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key in sorted(connection.scan_iter()):
        kind = connection.type(key).decode()
        lives = max(connection.pttl(key), 0)
        yield _text(key), {"type": kind, "milliseconds": lives, "value": _read(connection, key, kind)}


def _read(connection: Redis, key: bytes, kind: str) -> Any:
    match kind:
        case "string":
            return _text(connection.get(key) or b"")
        case "list":
            return [_text(item) for item in connection.lrange(key, 0, -1)]
        case "set":
            return sorted(_text(item) for item in connection.smembers(key))
        case "zset":
            return [[_text(item), score] for item, score in connection.zrange(key, 0, -1, withscores=True)]
        case "hash":
            return {_text(name): _text(value) for name, value in sorted(connection.hgetall(key).items())}
    entries: Any = connection.xrange(key)
    return [[_text(id), {_text(name): _text(value) for name, value in fields.items()}] for id, fields in entries]


def _write(connection: Redis, key: bytes, kind: str, value: Any) -> None:
    match kind:
        case "string":
            connection.set(key, _bytes(value))
        case "list":
            connection.rpush(key, *map(_bytes, value))
        case "set":
            connection.sadd(key, *map(_bytes, value))
        case "zset":
            connection.zadd(key, {_bytes(item): score for item, score in value})
        case "hash":
            connection.hset(key, mapping={_bytes(name): _bytes(one) for name, one in value.items()})
        case "stream":
            for id, fields in value:
                connection.xadd(key, {_bytes(name): _bytes(one) for name, one in fields.items()}, id=id)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


if __name__ == "__main__":
    from flowerpower.embedded import embedded_server
    from flowerpower.settings import read_settings

    with (
        tempfile.TemporaryDirectory() as place,
        embedded_server(Path(place), binary=read_settings().redis_server, durable=False) as address,
        Redis.from_url(address) as client,
    ):
        keep(sys.argv[1] if sys.argv[1:] and sys.argv[1] else __version__, address, client)
