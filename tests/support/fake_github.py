"""A code host on localhost that answers as GitHub's API does, as far as a CI job of ours asks."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.serving import PagedHandler, serving

TOKEN = "ghs_marker_that_must_not_show"
REPOSITORY = "acme/pipelines"
BOT = "github-actions[bot]"
HOME, FORK = 1001, 2002


@dataclass
class FakeGitHub:
    """The state of one repository, and what was asked of it."""

    port: int = 0
    page: int = 100
    comments: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, bytes] = field(default_factory=dict)
    refuse: dict[str, list[int]] = field(default_factory=dict)  # per method, the next answers that are errors
    asked: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)  # calls to the store that brought the token

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.port}/api"

    def environment(self, event: str = "") -> dict[str, str]:
        """Return what a job finds in its environment."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_EVENT_PATH": event,
        }

    def add_comment(self, body: str, login: str = BOT) -> int:
        """Write a comment as somebody."""
        number = len(self.comments) + 1
        self.comments.append({"id": number, "body": body, "user": {"login": login}, "html_url": f"https://x/c{number}"})
        return number

    def add_pull(self, number: int, head: str, *, merged: str = "", owner: str = "acme", branch: str = "later") -> None:
        """Open a pull request, or one that was merged as a commit."""
        self.pulls.append(
            {
                "number": number,
                "head": {"sha": head, "ref": branch, "label": f"{owner}:{branch}"},
                "merged_at": "2026-11-20T10:00:00Z" if merged else None,
                "merge_commit_sha": merged,
                "state": "closed" if merged else "open",
            }
        )

    def add_artifact(
        self, name: str, files: dict[str, bytes], *, repository: int = HOME, expired: bool = False, created: str = "1"
    ) -> None:
        """Keep files as an artifact of a run of some repository's code."""
        number = len(self.artifacts) + 1
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        run = {"repository_id": HOME, "head_repository_id": repository}
        self.artifacts.append(
            {"id": number, "name": name, "expired": expired, "created_at": created, "workflow_run": run}
        )
        self.files[number] = packed.getvalue()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """Return the JSON answer; None for what does not exist."""
        for pattern, route in _ROUTES.items():
            if found := re.fullmatch(rf"{method} /api/repos/{REPOSITORY}/{pattern}", f"{method} {path}"):
                return route(self, *found.groups(), query=query, body=body)
        return None

    def _all_comments(self, _: str, *, body: Any, **__: Any) -> Any:
        if body is None:
            return self.comments
        self.add_comment(body["body"])
        return self.comments[-1]

    def _comment(self, number: str, *, body: Any, **_: Any) -> Any:
        comment = next(each for each in self.comments if each["id"] == int(number))
        comment["body"] = body["body"]
        return comment

    def _pull(self, number: str, **_: Any) -> Any:
        return next((pull for pull in self.pulls if pull["number"] == int(number)), None)

    def _open_pulls(self, *, query: dict[str, list[str]], **_: Any) -> Any:
        wanted = query.get("head", [None])[0]
        return [p for p in self.pulls if p["state"] == "open" and wanted in (None, p["head"]["label"])]

    def _pulls_of(self, commit: str, **_: Any) -> Any:
        return [pull for pull in self.pulls if commit in (pull["merge_commit_sha"], pull["head"]["sha"])]

    def _artifacts(self, *, query: dict[str, list[str]], **_: Any) -> Any:
        return {"artifacts": [each for each in self.artifacts if each["name"] == query["name"][0]]}


_ROUTES: dict[str, Callable[..., Any]] = {
    r"issues/(\d+)/comments": FakeGitHub._all_comments,
    r"issues/comments/(\d+)": FakeGitHub._comment,
    r"pulls/(\d+)": FakeGitHub._pull,
    r"pulls": FakeGitHub._open_pulls,
    r"commits/(\w+)/pulls": FakeGitHub._pulls_of,
    r"actions/artifacts": FakeGitHub._artifacts,
}


class _Handler(PagedHandler):
    host: FakeGitHub

    def _handle(self) -> None:
        host, parts = self.host, urlsplit(self.path)
        host.asked.append(f"{self.command} {self.path}")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        if parts.path.startswith("/store/"):
            host.leaked += [self.path] if self.headers.get("Authorization") else []
            self.send_body(200, host.files[int(parts.path.rpartition("/")[2])])
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.send_body(401, b'{"message": "Bad credentials"}')
        elif host.refuse.get(self.command):
            self.send_body(host.refuse[self.command].pop(0), b'{"message": "Resource not accessible by integration"}')
        elif found := re.fullmatch(r".*/actions/artifacts/(\d+)/zip", parts.path):
            # The store has another name, so another origin, as on the real one.
            self.send_body(302, b"", {"Location": f"http://localhost:{host.port}/store/{found[1]}"})
        else:
            self.send_page(host.answer(self.command, parts.path, parse_qs(parts.query), body), host.port, host.page)

    do_GET = do_POST = do_PATCH = _handle  # noqa: N815


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    """Run the host for the length of a block."""
    host = FakeGitHub()
    with serving(type("Handler", (_Handler,), {"host": host})) as host.port:
        yield host
