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
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve()
OPTIONAL = "flowerpower.pipelines."  # what runs pipelines imports libraries that are large, have threads, or lack
LIBRARIES = ("fsspec.implementations.local", "jsonschema", "ruamel.yaml", "rq.cli", "yaml")


def run_command(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    """Run `flowerpower ARGUMENTS` in a folder; return its exit code, as `subprocess` counts, and both outputs."""
    request = json.dumps([list(arguments), str(folder), dict(environment)]).encode()
    with (
        socket.socket(socket.AF_UNIX) as channel,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        channel.settimeout(seconds)
        channel.connect(_server())
        socket.send_fds(channel, [b"!"], [nothing.fileno(), out.fileno(), err.fileno()])
        channel.sendall(request)
        channel.shutdown(socket.SHUT_WR)
        status = int(channel.makefile("rb").read())
        out.seek(0)
        err.seek(0)
        return status, out.read().decode(), err.read().decode()


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
    arguments, folder, environment = json.loads(channel.makefile("rb").read())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if not command:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 64)
        _become(arguments, folder, environment)
    channel.sendall(str(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])).encode())
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    """Be the process that `python -m flowerpower ARGUMENTS` would have started."""
    from flowerpower.__main__ import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    main_file = sys.modules["flowerpower"].__path__[0] + "/__main__.py"
    sys.path[:1] = [] if environment.get("PYTHONSAFEPATH") else [folder]
    sys.argv = [main_file, *arguments]
    sys.orig_argv = [sys.executable, "-m", "flowerpower", *arguments]
    main()
    sys.exit()


if __name__ == "__main__":
    serve(sys.argv[1])
