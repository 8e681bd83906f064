"""The embedded server: one per folder, shared, never lost, never left behind."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
import redis

from flowerpower.embedded import _said_plainly, embedded_server, find_server
from flowerpower.embedded.locks import Locks
from flowerpower.errors import StoreError
from flowerpower.settings import read_settings

BINARY = read_settings().redis_server

# Another process that uses the server: it says the server's process id, then stays until it reads a line.
USER = """
import sys
from pathlib import Path
import redis
from flowerpower.embedded import embedded_server
with embedded_server(Path(sys.argv[1]), binary=Path(sys.argv[2])) as url:
    with redis.Redis.from_url(url) as connection:
        print(connection.info("server")["process_id"], flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@contextmanager
def server(folder: Path, **options: Path) -> Iterator[redis.Redis]:
    with embedded_server(folder, **{"binary": BINARY, **options}) as url, redis.Redis.from_url(url) as connection:  # type: ignore[arg-type]
        yield connection


@contextmanager
def other_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", USER, str(folder), str(BINARY or find_server())]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def process_id(connection: redis.Redis) -> int:
    return int(connection.info("server")["process_id"])


def read_process_id(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def server_lives(folder: Path) -> bool:
    locks = Locks.open(folder / ".flowerpower" / "redis")
    try:
        return locks.server_lives()
    finally:
        locks.close()


def soon(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_data_stay_from_one_use_to_the_next(folder: Path) -> None:
    with server(folder) as connection:
        connection.set("kept", "yes")

    with server(folder) as connection:
        assert connection.get("kept") == b"yes"


def test_the_server_stops_when_its_last_user_leaves(folder: Path) -> None:
    with server(folder) as first:
        with server(folder) as second:
            assert process_id(first) == process_id(second)
        assert first.ping()

    assert not server_lives(folder)


def test_it_listens_on_its_socket_alone_and_evicts_nothing(folder: Path) -> None:
    with server(folder) as connection:
        settings = connection.config_get("*")

    assert (settings["port"], settings["appendonly"], settings["save"]) == ("0", "yes", "")
    assert settings["maxmemory-policy"] == "noeviction"


def test_git_never_sees_the_data(folder: Path) -> None:
    with server(folder):
        assert (folder / ".flowerpower" / ".gitignore").read_text() == "*\n"


def test_processes_that_start_at_once_end_with_one_server(folder: Path) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(other_process(folder)) for _ in range(4)]

        assert len({read_process_id(process) for process in processes}) == 1


def test_the_server_outlives_the_ctrl_c_of_its_starter(folder: Path) -> None:
    with other_process(folder) as starter:
        pid = read_process_id(starter)
        with server(folder) as connection:
            os.killpg(starter.pid, signal.SIGINT)
            starter.wait()

            assert process_id(connection) == pid


def test_the_server_stops_when_its_last_user_was_killed(folder: Path) -> None:
    with other_process(folder) as user:
        read_process_id(user)
        user.kill()
        user.wait()

        assert soon(lambda: not server_lives(folder))


def test_a_server_left_by_a_killed_user_is_used_again(folder: Path) -> None:
    with other_process(folder) as user:
        pid = read_process_id(user)
        user.kill()
        user.wait()

        with server(folder) as connection:
            assert process_id(connection) == pid


def test_a_killed_server_comes_back_with_its_data_while_it_has_users(folder: Path) -> None:
    with server(folder) as connection:
        connection.set("kept", "yes")
        os.kill(process_id(connection), signal.SIGKILL)

        def is_back() -> bool:
            try:
                return connection.get("kept") == b"yes"
            except redis.ConnectionError:
                return False

        assert soon(is_back)


def test_a_dead_server_is_replaced_for_the_next_user(folder: Path) -> None:
    with server(folder) as old:
        pid = process_id(old)
        os.kill(pid, signal.SIGKILL)

        with server(folder) as new:
            assert process_id(new) != pid


def test_a_stale_socket_is_no_obstacle(folder: Path) -> None:
    with embedded_server(folder, binary=BINARY) as url:
        path = Path(url.removeprefix("unix://"))
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))

    with server(folder) as connection:
        assert connection.ping()


def test_a_server_whose_socket_was_deleted_is_replaced_and_its_data_kept(folder: Path) -> None:
    with embedded_server(folder, binary=BINARY) as url, redis.Redis.from_url(url) as connection:
        connection.set("kept", "yes")
        Path(url.removeprefix("unix://")).unlink()

        with server(folder) as other:
            assert other.get("kept") == b"yes"


def test_users_with_different_runtime_folders_share_one_server(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run user"
    run.mkdir(mode=0o700)
    with server(folder, runtime_dir=run) as first, server(folder) as second:
        assert process_id(first) == process_id(second)


def test_paths_with_spaces_percents_and_umlauts_work(tmp_path: Path) -> None:
    folder, run = tmp_path / "my pröject 100%", tmp_path / "r 5%25ü"
    folder.mkdir()
    run.mkdir(mode=0o700)

    with server(folder, runtime_dir=run) as connection:
        assert connection.ping()


def test_a_very_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40) / ("longer" * 30)
    folder.mkdir(parents=True)

    with embedded_server(folder, runtime_dir=folder, binary=BINARY) as url:
        assert len(url.removeprefix("unix://")) <= 107


def test_a_runtime_folder_that_others_can_enter_is_not_used(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "flowerpower").mkdir(parents=True)
    (run / "flowerpower").chmod(0o755)

    with embedded_server(folder, runtime_dir=run, binary=BINARY) as url:
        assert str(run) not in url


def test_without_durable_nothing_is_kept(folder: Path) -> None:
    with embedded_server(folder, binary=BINARY, durable=False) as url, redis.Redis.from_url(url) as connection:
        connection.set("gone", "soon")

    with server(folder) as connection:
        assert connection.get("gone") is None


def test_a_deleted_folder_does_not_keep_the_server_alive(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    with server(folder) as connection:
        pid = process_id(connection)
        # More than once: the server may make a file in a folder that is being emptied.
        assert soon(
            lambda: subprocess.run(["rm", "-rf", str(folder)], capture_output=True, check=False).returncode == 0
        )

    assert soon(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    if Path("/proc/self/status").exists():  # small images of Linux have no `ps`, macOS has no /proc
        with suppress(OSError):
            return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_no_server_program_is_a_clear_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a program") as caught, embedded_server(folder, binary=tmp_path / "no"):
        pass

    assert "redis-server" in caught.value.hint


def test_a_program_that_fails_is_a_clear_error_with_its_last_words(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "broken-server"
    program.write_text("#!/bin/sh\necho 'no memory left for you' >&2\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(StoreError, match="no memory left for you"), embedded_server(folder, binary=program):
        pass


def test_damaged_data_are_named_with_the_way_out(folder: Path) -> None:
    with server(folder) as connection:
        connection.mset({f"key {number}": "value" for number in range(100)})
    data = folder / ".flowerpower" / "redis"
    kept = max((file for file in data.rglob("*.aof")), key=lambda file: file.stat().st_size)
    kept.write_bytes(kept.read_bytes()[:500] + kept.read_bytes()[507:])

    with pytest.raises(StoreError, match="did not start: Bad file format") as caught, server(folder):
        pass

    assert f"move {data} away and apply" in caught.value.hint
    data.rename(folder / "away")
    with server(folder) as connection:
        assert connection.ping()


def test_data_of_a_newer_server_are_not_hidden_by_an_older_one(folder: Path) -> None:
    (folder / ".flowerpower" / "redis" / "appendonlydir").mkdir(parents=True)

    try:
        with server(folder) as connection:  # a server of version 7 or newer reads the folder
            assert connection.config_get("appenddirname")
    except StoreError as error:
        assert "written by a newer server" in str(error)  # noqa: PT017 - either is right, by version
        assert not server_lives(folder)


def test_a_missing_folder_is_a_clear_error(folder: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"), embedded_server(folder / "absent", binary=BINARY):
        pass


def test_a_folder_that_cannot_be_written_is_a_clear_error(folder: Path) -> None:
    (folder / ".flowerpower").write_text("in the way")

    with pytest.raises(StoreError, match="cannot use") as caught, embedded_server(folder, binary=BINARY):
        pass

    assert "can write" in caught.value.hint


def test_a_forked_child_that_ends_does_not_stop_the_server(folder: Path) -> None:
    program = USER.replace("    sys.stdin.readline()", "    import os\n    child = os.fork()")
    program += "    if child:\n        os.waitpid(child, 0)\n"
    program += "        with redis.Redis.from_url(url) as again:\n            print(again.ping(), flush=True)\n"
    command = [sys.executable, "-c", program, str(folder), str(BINARY or find_server())]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "True"


def test_a_server_that_was_dropped_is_left_without_a_wait(folder: Path) -> None:
    dropped = embedded_server(folder, binary=BINARY)
    dropped.__enter__()

    with closing(Locks.open(folder / ".flowerpower" / "redis")) as others, others.turn():
        began = time.monotonic()  # garbage is collected at any moment, also while we start a server ourselves
        del dropped
        gc.collect()
        assert time.monotonic() - began < 10

    assert soon(lambda: not server_lives(folder))


@pytest.mark.parametrize("code", [-signal.SIGINT, 130])
def test_ctrl_c_while_the_server_starts_is_an_interrupt_and_no_failure(tmp_path: Path, code: int) -> None:
    with pytest.raises(KeyboardInterrupt), _said_plainly(tmp_path):
        raise subprocess.CalledProcessError(code, ["sh"])
