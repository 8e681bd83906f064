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
import threading
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
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        streams = (nothing.fileno(), out.fileno(), err.fileno())
        running = start_command(arguments, folder, environment, streams, limits=limits)
        code = running.wait(seconds)
        out.seek(0)
        err.seek(0)
        return Ended(code, out.read().decode(), err.read().decode(), *running.took)


class Running:
    """A command that was started, the first of a process group of its own."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._answers = channel.makefile("rb")
        self.pid = int(self._answers.readline())
        self.took: tuple[int, float, bool] = (0, 0.0, False)  # bytes and CPU seconds, and whether it was interrupted

    def wait(self, seconds: float) -> int:
        """Return the exit code; raise `TimeoutError` when it has not ended after so many seconds, and end it."""
        self._channel.settimeout(seconds)
        try:
            code, *took = json.loads(self._answers.readline())
        except TimeoutError:
            self.signal(signal.SIGKILL)
            raise
        finally:
            self._answers.close()
            self._channel.close()
        self.took = (took[0], took[1], took[2])
        return int(code)

    def ended(self) -> bool:
        """Tell whether the command has ended."""
        return bool(select.select([self._channel], [], [], 0)[0])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and those that it has started, as a terminal does; none to one that is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def start_command(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    streams: Sequence[int | None],
    *,
    deleted: bool = False,
    limits: Limits | None = None,
) -> Running:
    """Start `flowerpower ARGUMENTS` with streams, of which None is closed, in a folder, which may be *deleted* then."""
    channel = socket.socket(socket.AF_UNIX)
    channel.settimeout(30)
    channel.connect(_server())
    given = [number for number in streams if number is not None]
    numbers = [place for place, number in enumerate(streams) if number is not None]
    watched = limits and [limits.interrupt, limits.kill]
    request = [list(arguments), str(folder), dict(environment), numbers, deleted, watched]
    socket.send_fds(channel, [b"!"], given)
    channel.sendall(json.dumps(request).encode())
    channel.shutdown(socket.SHUT_WR)
    return Running(channel)


@cache
def _server() -> str:
    """Start the server of this test process, which ends with it, and return its address."""
    address = str(Path(tempfile.mkdtemp(prefix="flowerpower-test-")) / "commands")
    command = [sys.executable, str(HERE), address]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
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
    arguments, folder, environment, numbers, deleted, limits = json.loads(channel.makefile("rb").read())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = _pages()[1] if limits else 0
    command = os.fork()
    if not command:
        os.setpgid(0, 0)
        _take_streams(streams, numbers)
        if limits:
            _limit_memory()
        _become(arguments, folder, environment, deleted=deleted)
    with suppress(ProcessLookupError, PermissionError):  # whoever of the two is first
        os.setpgid(command, command)
    channel.sendall(b"%d\n" % command)
    interrupted = _watch(command, *limits) if limits else []
    _, status, used = os.wait4(command, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    took = [used.ru_maxrss * 1024 - before * PAGE, used.ru_utime + used.ru_stime, bool(interrupted)]
    with suppress(BrokenPipeError):  # nobody waits any more
        channel.sendall(json.dumps([os.waitstatus_to_exitcode(status), *took]).encode() + b"\n")
    os._exit(0)


def _pages() -> tuple[int, int]:
    """Return how many pages of memory this process may touch, and has."""
    size, resident, *_ = Path("/proc/self/statm").read_text().split()
    return int(size), int(resident)


def _limit_memory() -> None:
    """Take no more than this machine has."""
    most = _pages()[0] * PAGE + MOST_MEMORY
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


def _take_streams(streams: Sequence[int], numbers: Sequence[int]) -> None:
    for stream, number in zip(streams, numbers, strict=True):
        os.dup2(stream, number)
    os.closerange(3, 64)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if number not in numbers:
            os.close(number)
            setattr(sys, name, None)  # as Python has it that starts with a closed stream


def _become(arguments: list[str], folder: str, environment: dict[str, str], *, deleted: bool) -> NoReturn:
    """Be the process that `python -m flowerpower ARGUMENTS` would have started."""
    from flowerpower.__main__ import main

    os.chdir(folder)
    if deleted:
        Path(folder).rmdir()
    os.environ.clear()
    os.environ.update(environment)
    if arguments[:1] == ["-c"]:
        exec(arguments[1], {"__name__": "__main__"})
        _end(0)
    main_file = sys.modules["flowerpower"].__path__[0] + "/__main__.py"
    sys.path[:1] = [] if environment.get("PYTHONSAFEPATH") else [folder]
    sys.argv = [main_file, *arguments]
    sys.orig_argv = [sys.executable, "-m", "flowerpower", *arguments]
    code: object = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    _end(code)


def _end(code: object) -> NoReturn:
    """End as Python does, but leave it to the system to take a hundred thousand objects away."""
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError as error:
        os.write(2, f"Exception ignored in the streams: {error}\n".encode())
        code = 120
    if not isinstance(code, int | None):
        os.write(2, f"{code}\n".encode())
        code = 1
    os._exit(int(code or 0))


if __name__ == "__main__":
    serve(sys.argv[1])
