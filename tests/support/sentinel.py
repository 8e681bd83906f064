"""A real Redis with a replica and a Sentinel that watches both, and a TLS server before a Redis."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from flowerpower.embedded.home import find_server
from flowerpower.settings import read_settings

SERVICE = "main"
PASSWORD = "hunter2-hunter2"  # of Redis
WATCHWORD = "open-sesame"  # of the Sentinel


@dataclass(frozen=True)
class Watched:
    """A master, its replica and their Sentinel, by port."""

    sentinel: int
    servers: tuple[int, int]
    processes: dict[int, subprocess.Popen[bytes]]

    def kill_master(self) -> int:
        """Kill the server that is the master now, and return its port."""
        port = next(port for port in self.servers if client(port).role()[0] == b"master")
        self.processes[port].kill()
        self.processes[port].wait(timeout=10)
        return port

    def master(self) -> int:
        """Return the port of the master as the Sentinel knows it."""
        with redis.Redis(port=self.sentinel, password=WATCHWORD, decode_responses=True) as asked:
            return int(asked.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])


def client(port: int) -> redis.Redis:
    """Return a client for one of the servers."""
    return redis.Redis(port=port, password=PASSWORD, socket_timeout=5)


@contextmanager
def watched_redis(folder: Path) -> Iterator[Watched]:
    """Run a master, a replica and a Sentinel for the length of a block."""
    program = str(read_settings().redis_server or find_server())
    first, second, sentinel = (free_port() for _ in range(3))
    common = [
        "bind 127.0.0.1",
        "save ''",
        f"requirepass {PASSWORD}",
        f"masterauth {PASSWORD}",
        "repl-diskless-sync-delay 0",
    ]
    watching = [
        f"sentinel monitor {SERVICE} 127.0.0.1 {first} 1",
        f"sentinel auth-pass {SERVICE} {PASSWORD}",
        f"sentinel down-after-milliseconds {SERVICE} 500",
        f"sentinel failover-timeout {SERVICE} 5000",
    ]
    with ExitStack() as stack:
        start = lambda port, lines, *more: stack.enter_context(_server(program, folder, port, lines, *more))  # noqa: E731
        processes = {first: start(first, common), second: start(second, [*common, f"replicaof 127.0.0.1 {first}"])}
        wait_for(lambda: client(second).info("replication")["master_link_status"] == "up")
        start(sentinel, ["bind 127.0.0.1", f"requirepass {WATCHWORD}", *watching], "--sentinel")
        watched = Watched(sentinel, (first, second), processes)
        wait_for(lambda: watched.master() == first)
        with redis.Redis(port=sentinel, password=WATCHWORD, decode_responses=True) as asked:
            wait_for(lambda: asked.sentinel_slaves(SERVICE))
        yield watched


@contextmanager
def _server(program: str, folder: Path, port: int, lines: list[str], *more: str) -> Iterator[subprocess.Popen[bytes]]:
    home = folder / str(port)
    home.mkdir()
    (home / "server.conf").write_text("\n".join([f"port {port}", f"dir {home}", *lines]) + "\n")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([program, str(home / "server.conf"), *more], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a condition holds; a connection that fails meanwhile counts as no."""
    end = time.monotonic() + seconds
    while True:
        with suppress(redis.RedisError):
            if condition():
                return
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it signed for a server at 127.0.0.1 and for a client."""

    folder: Path

    def make(self) -> Certificates:
        """Make them with openssl."""
        self._sign("ca", "keyUsage=critical,keyCertSign,cRLSign")
        by = ["-CA", f"{self.folder}/ca.pem", "-CAkey", f"{self.folder}/ca.key"]
        for name in ("server", "client"):  # with a key usage each, without which Python 3.13 trusts none
            self._sign(name, "subjectAltName=IP:127.0.0.1", "keyUsage=critical,digitalSignature,keyCertSign", by=by)
        return self

    def _sign(self, name: str, *extensions: str, by: Sequence[str] = ()) -> None:
        """Make a key and a certificate for it, signed by itself unless *by* names an authority."""
        asked = ["-newkey", "ec", *_CURVE, "-nodes", "-subj", f"/CN={name}"]
        added = [word for extension in extensions for word in ("-addext", extension)]
        files = ["-keyout", f"{self.folder}/{name}.key", "-out", f"{self.folder}/{name}.pem"]
        subprocess.run(["openssl", "req", "-x509", *asked, *added, *by, *files], check=True, capture_output=True)


_CURVE = ("-pkeyopt", "ec_paramgen_curve:prime256v1")


@contextmanager
def tls_before(target: str, certificates: Certificates) -> Iterator[int]:
    """Run a TLS server that asks for a client's certificate before the Redis at a unix socket; yield its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.folder / "server.pem", certificates.folder / "server.key")
    context.load_verify_locations(certificates.folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                threading.Thread(target=_forward, args=(accepted, context, target), daemon=True).start()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        serving.join(timeout=10)


def _forward(accepted: socket.socket, context: ssl.SSLContext, target: str) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.connect(target)
    with suppress(OSError), server, context.wrap_socket(accepted, server_side=True) as client_side:
        back = threading.Thread(target=_pump, args=(server, client_side), daemon=True)
        back.start()
        _pump(client_side, server)
        back.join(timeout=10)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
