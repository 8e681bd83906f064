"""`load:` from web servers: files without a length, and pages that come in the place of a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from support.serving import serving

from flowerpower.errors import FlowerPowerError
from flowerpower.pipelines.run import Access

from .conftest import Project

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
LOGIN = b"\xef\xbb\xbf <!-- ours --> <!DOCTYPE html><html><form>Who are you?</form></html>"
SOURCE = "import pandas as pd\n\ndef shape(raw: pd.DataFrame) -> str:\n    return str(raw.shape)\n"


def _bytes_of(form: str) -> bytes:
    stream = io.BytesIO()
    {"parquet": FRAME.to_parquet, "feather": FRAME.to_feather, "excel": FRAME.to_excel}[form](stream)
    return stream.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Sends what lies at a path: in pieces below /pieces, with a length elsewhere; sends strangers to log in."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[dict[str, bytes]] = {}

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if self.path.startswith("/private") and self.headers.get("Authorization") != "Bearer t0ken":
            self.send_response(302)
            self.send_header("Location", "/login?next=/private&session=5ecret")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.files.get(name, LOGIN)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8" if body is LOGIN else "application/octet-stream")
        if self.path.startswith("/pieces"):
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:20], body[20:])) + b"0\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Handler, "files", {})
    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def shape(project: Project, web: str, path: str, form: str, **load: Any) -> str:
    project.module("flow", SOURCE)
    loads = {"raw": {"format": form, "path": f"{web}/{path}", **load}}
    return str(project.run("shape", load=loads, access=Access(paths=(web,), pickle=True)).values["shape"])


@pytest.mark.parametrize("form", ["parquet", "feather", "excel"])
def test_a_table_that_comes_without_its_length_is_read(project: Project, web: str, form: str) -> None:
    Handler.files["x"] = _bytes_of(form)

    assert shape(project, web, "pieces/x", form, **({"options": {"usecols": [1, 2]}} if form == "excel" else {})) == (
        "(2, 2)"
    )


def test_an_archive_that_comes_without_its_length_says_how_it_can_be_read(project: Project, web: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.csv", "a,b\n1,x\n2,y\n")
    Handler.files["x.zip"] = stream.getvalue()
    project.module("flow", SOURCE)

    def load(path: str) -> Any:
        loads = {"raw": {"format": "csv", "path": path}}
        return project.run("shape", load=loads, access=Access(paths=(web,))).values["shape"]

    with pytest.raises(FlowerPowerError, match=f"load.raw: zip://x.csv::{web}/pieces/x.zip: ") as caught:
        load(f"zip://x.csv::{web}/pieces/x.zip")
    assert "simplecache::" in caught.value.hint
    assert load(f"zip://x.csv::simplecache::{web}/pieces/x.zip") == "(2, 2)"


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "yaml", "parquet", "feather", "excel", "pickle"])
@pytest.mark.parametrize("path", ["private/x", "pieces/private", "simple"])
def test_a_page_in_the_place_of_a_table_is_said_to_be_one(project: Project, web: str, form: str, path: str) -> None:
    with pytest.raises(FlowerPowerError) as caught:
        shape(project, web, path, form)

    leads = f"leads to {web}/login, which " if path == "private/x" else ""
    assert str(caught.value) == f"load.raw: {web}/{path} {leads}is a page of HTML, and no {form}"
    assert "storage_options: {headers: {Authorization: " in caught.value.hint


def test_a_page_is_seen_through_a_cache(project: Project, web: str) -> None:
    project.module("flow", SOURCE)
    loads = {"raw": {"format": "csv", "path": f"simplecache::{web}/private/x"}}

    with pytest.raises(FlowerPowerError, match=f"simplecache::{web}/private/x is a page of HTML, and no csv"):
        project.run("shape", load=loads, access=Access(paths=(web,)))


def test_a_login_in_headers_leads_to_the_file(project: Project, web: str) -> None:
    Handler.files["x.csv"] = b"a,b\n1,x\n2,y\n"
    headers = {"headers": {"Authorization": "Bearer t0ken"}}

    assert shape(project, web, "private/x.csv", "csv", storage_options=headers) == "(2, 2)"


def test_a_page_that_is_wanted_is_a_text(project: Project, web: str) -> None:
    project.module("flow", "def out(raw: str) -> int:\n    return len(raw)\n")
    loads = {"raw": {"format": "text", "path": f"{web}/private/x"}}

    assert project.run("out", load=loads, access=Access(paths=(web,))).values["out"] > 10


def test_a_page_that_lies_in_a_file_of_the_project_is_what_it_is(project: Project) -> None:
    project.module("flow", SOURCE)
    Path(project.root, "x.csv").write_bytes(b"<html>\n1\n")

    assert project.run("shape", load={"raw": {"format": "csv", "path": "x.csv"}}).values["shape"] == "(1, 1)"
