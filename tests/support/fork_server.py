"""One process that has imported everything, and forks for each command line: a command costs its work, not its imports.

A command is still a process of its own, with its own arguments, environment, folder, streams, signals and exit code.
Only what happens while Python starts is not seen; the tests of that, and of what is imported when, start Python.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve()
OPTIONAL = "flowerpower.pipelines."  # what runs pipelines imports libraries that are large, have threads, or lack
LIBRARIES = ("fsspec.implementations.local", "jsonschema", "ruamel.yaml", "rq.cli", "yaml")


PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_MEMORY = 2 << 30  # bytes of address space that a command with limits may take beyond what it begins with


@dataclass(frozen=True)
class Limits:
    """When a command that is watched closely is interrupted (Ctrl-C) and when it is killed, in seconds."""

    interrupt: float
    kill: float


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it took."""

    code: int  # as `subprocess` counts
    out: str
    err: str
    memory: int  # bytes at its peak beyond what it began with
    cpu: float  # seconds, its children's included
    interrupted: bool  # it had to be


def run_command(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    """Run `flowerpower ARGUMENTS` in a folder; return its exit code, as `subprocess` counts, and both outputs."""
    ended = run_watched(arguments, folder, environment, seconds)
    return ended.code, ended.out, ended.err


def run_watched(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    limits: Limits | None = None,
) -> Ended:
    """Do the same and tell what it took; `-c CODE` runs a text of Python instead. Limits hold for its children too."""
    request = [list(arguments), str(folder), dict(environment), limits and [limits.interrupt, limits.kill]]
    with (
        socket.socket(socket.AF_UNIX) as channel,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        channel.settimeout(seconds)
        channel.connect(_server())
        socket.send_fds(channel, [b"!"], [nothing.fileno(), out.fileno(), err.fileno()])
        channel.sendall(json.dumps(request).encode())
        channel.shutdown(socket.SHUT_WR)
        code, *took = json.loads(channel.makefile("rb").read())
        out.seek(0)
        err.seek(0)
        return Ended(code, out.read().decode(), err.read().decode(), *took)


@cache
def _server() -> str:
    """Start the server of this test process, which ends with it, and return its address."""
    address = str(Path(tempfile.mkdtemp(prefix="flowerpower-test-")) / "commands")
    command = [sys.executable, str(HERE), address]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    atexit.register(_stop, server, Path(address))
    return address


def _stop(server: subprocess.Popen[str], address: Path) -> None:
    server.kill()
    server.communicate()
    address.unlink(missing_ok=True)
    address.parent.rmdir()


def serve(address: str) -> NoReturn:
    """Take commands at an address until the test process is gone; each is run in a fork of a fork that waits for it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        _import_everything()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            channel = listener.accept()[0]
            if not os.fork():
                listener.close()
                _handle(channel)
            channel.close()
    os._exit(0)


def _import_everything() -> None:
    import flowerpower

    for module in pkgutil.walk_packages(flowerpower.__path__, "flowerpower."):
        if not module.name.startswith(OPTIONAL):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()


def _handle(channel: socket.socket) -> NoReturn:
    streams = socket.recv_fds(channel, 1, 3)[1]
    arguments, folder, environment, limits = json.loads(channel.makefile("rb").read())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE if limits else 0
    command = os.fork()
    if not command:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 64)
        if limits:
            _limit()
        _become(arguments, folder, environment)
    interrupted = _watch(command, *limits) if limits else []
    _, status, used = os.wait4(command, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    took = [used.ru_maxrss * 1024 - before, used.ru_utime + used.ru_stime, bool(interrupted)]
    channel.sendall(json.dumps([os.waitstatus_to_exitcode(status), *took]).encode())
    os._exit(0)


def _limit() -> None:
    """Be a group of one's own, so that children can be stopped too, and take no more than this machine has."""
    os.setpgid(0, 0)
    most = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _watch(command: int, interrupt: float, kill: float) -> list[int]:
    """Interrupt a command when its time is over, then kill it; return a list that says which signals it was sent."""
    sent: list[int] = []

    def over(*_: object) -> None:
        number = signal.SIGKILL if sent else signal.SIGINT
        sent.append(number)
        with suppress(ProcessLookupError):  # it has ended in this very moment
            (os.killpg if sent[1:] else os.kill)(command, number)

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, interrupt, max(kill - interrupt, 0.1))
    return sent


def _become(arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    """Be the process that `python -m flowerpower ARGUMENTS` would have started."""
    from flowerpower.__main__ import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if arguments[:1] == ["-c"]:
        exec(arguments[1], {"__name__": "__main__"})
        sys.exit()
    main_file = sys.modules["flowerpower"].__path__[0] + "/__main__.py"
    sys.path[:1] = [] if environment.get("PYTHONSAFEPATH") else [folder]
    sys.argv = [main_file, *arguments]
    sys.orig_argv = [sys.executable, "-m", "flowerpower", *arguments]
    main()
    sys.exit()


if __name__ == "__main__":
    serve(sys.argv[1])
