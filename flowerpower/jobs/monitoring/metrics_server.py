"""The endpoint that Prometheus asks, in a process of its own.

The worker that it stands beside gets no thread and no open socket by it: what the worker forks inherits nothing, a
scrape takes no time from a run or a tick, and the endpoint goes on answering while the worker drains.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from flowerpower.errors import UsageError
from flowerpower.jobs.monitoring.metrics import Exposition, require_client
from flowerpower.jobs.monitoring.status_reader import StatusReader
from flowerpower.jobs.stop import heeded_signals
from flowerpower.jobs.workers.supervisor import Child, Supervisor
from flowerpower.jobs.workers.traces import end_with_parent
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store
from flowerpower.told_in_python import called

PATIENCE = 3.0  # seconds that Redis may take for an answer: Prometheus gives up after ten
_FORM = "for example --metrics 9726, or --metrics 0.0.0.0:9726 to be asked from elsewhere"
_TAKEN = "does another worker or scheduler have this port? Each needs one of its own, as --metrics says"
_NOT_OURS = "name an address of this machine, or none, and a port that this user may have"

logger = logging.getLogger("flowerpower.metrics")


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `[HOST:]PORT`, without a host this machine's own; raise `UsageError` for another text."""
    host, colon, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536) or (colon and not host):
        raise UsageError(f"{called('--metrics', 'metrics')} wants [HOST:]PORT, not {text!r}", hint=_FORM)
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


@contextmanager
def metrics_beside(url: str, keys: Keys, address: str, role: str) -> Iterator[None]:
    """Tell Prometheus of a namespace, and of this process, for the length of a block; nothing without an address.

    Raises `UsageError` when the port cannot be had, `MissingExtraError` when the client library is not installed.
    """
    if not address:
        yield
        return
    require_client()
    listener = _listen(*parse_address(address))
    place = listener.getsockname()
    logger.info("metrics at http://%s:%d/metrics", f"[{place[0]}]" if ":" in place[0] else place[0], place[1])
    sys.stdout.flush()
    sys.stderr.flush()
    parent, keeper = os.getpid(), os.fork()
    if keeper == 0:
        _keep_serving(listener, url, keys, role, parent)
    listener.close()
    try:
        yield
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(keeper, signal.SIGTERM)
            os.waitpid(keeper, 0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        hint = _TAKEN if error.errno == errno.EADDRINUSE else _NOT_OURS
        raise UsageError(f"no metrics at {host}:{port}: {error.strerror or error}", hint=hint) from None
    return listener


def _keep_serving(listener: socket.socket, url: str, keys: Keys, role: str, parent: int) -> None:
    """Serve in a child of this process, which starts it again if it dies; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)  # a Ctrl-C is for the worker, which may have something to finish
        end_with_parent(signal.SIGTERM)
        if os.getppid() == parent:
            Supervisor([Child("the endpoint for metrics", lambda: _serve(listener, url, keys, role, parent))]).run()
            code = 0
    finally:
        os._exit(code)


def _serve(listener: socket.socket, url: str, keys: Keys, role: str, parent: int) -> int:
    from flowerpower.jobs.monitoring.metrics_http import MetricsServer

    for number in heeded_signals():
        signal.signal(number, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, heeded_signals())
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    reader = StatusReader(Store(connect(url, timeout=PATIENCE), keys))
    with MetricsServer(listener, Exposition(reader, role=role, pid=parent)) as server:
        server.serve_forever()
    return 1


def _end_with(worker: int) -> None:
    """End this process when the worker is gone, which not every system tells its children."""
    while True:
        time.sleep(1.0)
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            os._exit(0)
