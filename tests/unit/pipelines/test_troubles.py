"""Saves and loads under trouble: what was there stays, and what is said helps and tells no secret."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EFBIG, EHOSTUNREACH, ENOSPC, EROFS
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from support.file_servers import ftp_server, sftp_server
from support.serving import serving

from flowerpower.errors import FlowerPowerError
from flowerpower.filesystem import Filesystem
from flowerpower.pipelines.run import Access
from flowerpower.pipelines.troubles import way_out_of, way_to

from .conftest import Project
from .test_executors import Recorder
from .test_storage import message_of

FLOW = """
    import pandas as pd

    def rows(n: int) -> pd.DataFrame:
        return pd.DataFrame({"who": [f"jane-{i}" for i in range(n)], "n": range(n)})

    def back(read: pd.DataFrame) -> int:
        return len(read)

    def text(raw: str) -> str:
        return raw
"""
NEW = {"sql": "sqlite:///x.db", "duckdb": "x.duckdb"}


def save_of(form: str) -> dict[str, Any]:
    options = {"table": "t", "if_exists": "replace"} if form in NEW else {}
    return {"outputs": ["rows"], "format": form, "path": NEW.get(form, f"x.{form}"), "options": options}


def load_of(form: str) -> dict[str, Any]:
    return {"format": form, "path": NEW.get(form, f"x.{form}"), "options": {"table": "t"} if form in NEW else {}}


def save(project: Project, form: str, n: int) -> None:
    project.run("rows", inputs={"n": n}, save=[save_of(form)])


LIMITED = """
    import resource, sys
    from pathlib import Path
    sys.path[:0] = {path!r}
    from unit.pipelines.conftest import Project
    from unit.pipelines.test_troubles import save
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    save(Project(Path(sys.argv[1])), sys.argv[2], 200_000)
"""


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet", "feather", "excel", "sql", "duckdb"])
def test_a_file_that_grows_too_large_leaves_the_old_one_and_the_next_save_works(
    project: Project, form: str, checkout: Path
) -> None:
    project.module("flow", FLOW)
    save(project, form, 3)
    code = "\n".join(
        line.strip() for line in LIMITED.format(path=[str(checkout), str(checkout / "tests")]).splitlines()
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(project.root), form], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert f"PipelineError: save[0]: rows cannot be written to {NEW.get(form, f'x.{form}')} as {form}: " in done.stderr
    assert "jane" not in done.stderr.rpartition("PipelineError: ")[2]
    assert project.run("back", load={"read": load_of(form)}).values["back"] == 3
    save(project, form, 5)
    assert project.run("back", load={"read": load_of(form)}).values["back"] == 5
    assert not list(project.root.glob(".*.tmp"))


def test_an_error_of_a_database_quotes_no_rows(project: Project) -> None:
    project.module("flow", FLOW)
    save(project, "sql", 3)
    entry = {**save_of("sql"), "options": {"table": "t", "if_exists": "append", "replace_where": {"nowhere": "jane"}}}

    message = message_of(project, "rows", inputs={"n": 3}, save=[entry])

    assert "no such column" in message
    assert "jane" not in message


def test_a_file_of_duckdb_in_which_there_was_no_room_to_begin_is_begun_anew(project: Project) -> None:
    project.module("flow", FLOW)
    (project.root / "x.duckdb").touch()

    save(project, "duckdb", 3)

    assert project.run("back", load={"read": load_of("duckdb")}).values["back"] == 3


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("flows", "flows cannot be written: it is a folder"),
        ("flows/flow.py/x", "flow.py is no folder"),
        ("n" * 300, "cannot be written: File name too long"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "sql", "duckdb"])
def test_a_place_where_no_file_can_be_is_told_before_anything_runs(
    project: Project, form: str, path: str, why: str
) -> None:
    project.module("flow", FLOW)
    ran = Recorder()
    entry = {**save_of(form), "path": f"sqlite:///{path}" if form == "sql" else path}

    with pytest.raises(FlowerPowerError) as caught:
        project.run("rows", inputs={"n": 1}, save=[entry], observer=ran)

    assert str(caught.value).startswith("save[0]: ")
    assert why in str(caught.value)
    assert "name another place" in (caught.value.hint or "")
    assert ran.events == []


def test_a_folder_that_is_closed_to_this_user_is_told_before_anything_runs() -> None:
    with closed_folder() as folder, pytest.raises(FlowerPowerError, match=f"may not write into {folder}"):
        Filesystem(str(folder)).refuse_unwritable("deep/x.csv")


@contextmanager
def closed_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        me = os.geteuid()
        try:
            if me == 0:
                os.seteuid(65534)  # root may write everywhere
            yield Path(name)
        finally:
            os.seteuid(me)
            Path(name).chmod(0o755)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (OSError(ENOSPC, "No space left on device"), "make room there"),
        (RuntimeError("database or disk is full"), "make room there"),
        (OSError(EFBIG, "File too large"), "ulimit -f"),
        (OSError(EROFS, "Read-only file system"), "has write there"),
        (OSError(EACCES, "Permission denied"), "has write there"),
        (PermissionError("Forbidden"), "has write there"),
    ],
)
def test_a_failed_save_says_what_to_do(error: Exception, hint: str) -> None:
    assert hint in (way_out_of(error) or "")
    assert way_out_of(ValueError("x")) is None


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (
            RuntimeError("connection failed: port 1 failed: Connection refused\n\tIs the server running?"),
            "nothing listens",
        ),
        (RuntimeError("could not translate host name 'warehouse' to address"), "its spelling"),
        (RuntimeError('FATAL:  password authentication failed for user "u"'), "check user and password"),
        (
            RuntimeError("(1045, \"Access denied for user 'u'@'localhost' (using password: YES)\")"),
            "check user and password",
        ),
        (RuntimeError("connection to server at 10.0.0.1, port 5432 failed: Connection timed out"), "firewalls"),
        (OSError(EHOSTUNREACH, "No route to host"), "firewalls"),
        (TimeoutError(), "firewalls"),
        (RuntimeError("SSL: certificate verify failed: self-signed certificate"), "SSL_CERT_FILE"),
    ],
)
def test_a_server_that_is_out_of_reach_says_what_to_check(error: Exception, hint: str) -> None:
    outer = ValueError("cannot be read")
    outer.__cause__ = error

    assert hint in (way_to(error) or "")
    assert hint in (way_to(outer) or "")
    assert way_to(ValueError("expected 530 fields in line 401, saw 403")) is None


@pytest.mark.parametrize("url", ["sftp://127.0.0.1:1/x", "ftp://127.0.0.1:1/x", "http://127.0.0.1:1/x"])
def test_a_load_from_where_nothing_listens_says_what_to_check(project: Project, url: str) -> None:
    assert said_of(project, url).endswith("| nothing listens there: check host and port, and that the server runs")


@pytest.mark.parametrize("url", ["sftp://nosuch.invalid/x", "ftp://nosuch.invalid/x", "http://nosuch.invalid/x"])
def test_a_load_from_a_host_that_nobody_knows_says_what_to_check(project: Project, url: str) -> None:
    assert "| the name of the host is not known here: " in said_of(project, url)


@pytest.mark.parametrize("make", [sftp_server, ftp_server])
def test_a_load_whose_login_is_wrong_says_what_to_check(project: Project, tmp_path: Path, make: Any) -> None:
    pytest.importorskip("asyncssh" if make is sftp_server else "pyftpdlib")
    with make(tmp_path) as server:
        message = said_of(project, f"{server.url.replace('secret', 'guess')}/x", **server.options)

    assert message.endswith("| check user and password, or the secret that holds them")
    assert "guess" not in message


@pytest.mark.parametrize("status", [401, 403])
def test_a_load_that_a_web_server_refuses_says_what_to_check(project: Project, status: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self.send_error(status)

    with serving(Handler) as port:
        message = said_of(project, f"http://127.0.0.1:{port}/x")

    assert message.endswith("| check user and password, or the secret that holds them")


def test_what_speaks_no_sftp_is_told_once_and_without_a_traceback() -> None:
    pytest.importorskip("paramiko")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as port:
        url = f"sftp://127.0.0.1:{port}/x"
        look = f"""
            from flowerpower.filesystem import Filesystem
            from flowerpower.pipelines.troubles import way_to
            try:
                Filesystem("/nowhere", allowed=[{url!r}]).exists({url!r})
            except Exception as error:
                print(way_to(error))
        """
        done = subprocess.run([sys.executable, "-c", dedent(look)], capture_output=True, text=True, check=True)

    assert done.stdout == "what answers there speaks no sftp, or is too busy: check host and port\n"
    assert done.stderr == ""


def said_of(project: Project, url: str, **options: Any) -> str:
    if url.startswith("sftp"):
        pytest.importorskip("paramiko")
    project.module("flow", FLOW)
    load = {"format": "csv", "path": url, "storage_options": options}
    return message_of(project, "back", load={"read": load}, access=Access(paths=(url.rpartition("/")[0],)))


def test_a_folder_of_temporary_files_without_room_is_named() -> None:
    files = Filesystem(".", allowed=["memory://troubles"])

    with (
        pytest.raises(OSError, match=f"No space left in {tempfile.gettempdir()}, .*TMPDIR"),
        files.write("memory://troubles/x"),
    ):
        raise OSError(ENOSPC, "No space left on device")

    assert not files.exists("memory://troubles/x")


def test_an_error_of_a_file_names_it_and_not_its_draft(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()

    with pytest.raises(IsADirectoryError) as caught, Filesystem(str(tmp_path)).write("x") as handle:
        handle.write(b"new")

    assert str(caught.value) == f"[Errno 21] Is a directory: '{tmp_path / 'x'}'"


class _Answers(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1][:3]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()


@pytest.fixture
def web() -> Iterator[str]:
    with serving(_Answers) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "there is no file {web}/404/x"),
        (403, "{web}/403/x cannot be read: "),
        (500, "{web}/500/x cannot be read: "),
    ],
)
def test_a_web_server_that_refuses_is_not_taken_for_one_without_the_file(
    project: Project, web: str, status: int, said: str
) -> None:
    project.module("flow", FLOW)
    load = {"raw": {"format": "text", "path": f"{web}/{status}/x?signature=hunter2"}}

    message = message_of(project, "text", load=load, access=Access(paths=(web,)))

    assert f"load.raw: {said.format(web=web)}" in message
    assert status == 404 or str(status) in message.partition("cannot be read: ")[2]
    assert "hunter2" not in message


def test_what_an_address_holds_is_said_neither_by_an_error_nor_by_what_it_came_of(project: Project, web: str) -> None:
    project.module("flow", FLOW)
    entry = {"outputs": ["rows"], "format": "csv", "path": f"{web}/500/x?signature=hunter2"}

    with pytest.raises(FlowerPowerError) as caught:
        project.run("rows", inputs={"n": 1}, save=[entry], access=Access(paths=(web,)))

    assert f"url='{web}/500/x'" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
