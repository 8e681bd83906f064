"""A PostgreSQL of its own for the length of a block, where Debian's package is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server and yield `user:password@host:port/database`; it ends with the block, and its data too."""
    assert BINARIES is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = "postgres" if os.geteuid() == 0 else None  # as root it does not start
    with tempfile.TemporaryDirectory(prefix="pg-") as work:
        data, password = Path(work, "data"), Path(work, "password")
        password.write_text("secret")
        if user:
            for place in (Path(work), password):
                shutil.chown(place, user)
        initdb = [BINARIES / "initdb", "-D", data, "-U", "eve", "-A", "scram-sha-256", "--pwfile", password]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=work)
        settings = f"-p {port} -k {work} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [BINARIES / "pg_ctl", "-D", data, "-w", "-l", Path(work, "log")]
        subprocess.run([*control, "-o", settings, "start"], check=True, capture_output=True, user=user, cwd=work)
        try:
            yield f"eve:secret@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, user=user, cwd=work)
