"""The keeper: a small process that cares for an embedded server that its users cannot care for.

A user that is killed cannot stop the server, and a server that is killed cannot start itself. The
keeper does both, once a second; it ends with the server.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from flowerpower.embedded.home import Home
from flowerpower.embedded.locks import Locks, is_free, spawn_holding
from flowerpower.embedded.server import Server
from flowerpower.errors import StoreError

_PAUSE = 1.0
_LONGEST_PAUSE = 60.0

# With -I and -S it starts quickly and stays small: it needs this package and the standard library only.
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from flowerpower.embedded.keeper import keep; keep(sys.argv[2])"
)


def ensure_keeper(home: Home) -> None:
    """Start the keeper of *home* unless it runs."""
    lock = home.data / "keeper.lock"
    if sys.executable and is_free(lock):
        packages = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(packages), home.to_text()]
        spawn_holding(lock, command, log=home.log)


def keep(text: str) -> None:
    """Watch over the server of the home in *text* until it has no user left."""
    home = Home.from_text(text)
    locks = Locks.open(home.data)
    server = Server(home, locks)
    pause = _PAUSE
    while True:
        time.sleep(pause)
        try:
            with locks.turn():
                if not locks.is_used():
                    return server.stop()
                if not locks.server_lives():
                    server.ensure()
            pause = _PAUSE
        except (StoreError, OSError):  # a full disk, say: the server's log has the reason
            pause = min(pause * 2, _LONGEST_PAUSE)
