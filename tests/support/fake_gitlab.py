"""A code host on localhost that answers as GitLab's API does, as far as a CI job of ours asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.serving import PagedHandler, serving

TOKEN = "glpat-marker_that_must_not_show"
JOB_TOKEN = "glcbt-marker_that_must_not_show"
PROJECT, FORK = 42, 43
BOT, ANA = 7, 8
# What the token of a job may ask for, as GitLab documents it; the rest it is refused.
_FOR_JOBS = re.compile(
    r"GET /api/v4/projects/\d+/"
    r"(repository/commits/\w+/merge_requests|merge_requests/\d+(/notes)?|jobs/artifacts/[^/]+/raw/[^/]+)"
)


@dataclass
class FakeGitLab:
    """The state of one project, and what was asked of it."""

    port: int = 0
    page: int = 100
    scope: str = "api"  # of the token
    notes: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)  # ref, job and file
    refuse: dict[str, list[int]] = field(default_factory=dict)  # per method, the next answers that are errors
    asked: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)  # calls to the store that brought a token

    def environment(self, number: int = 5, commit: str = "a" * 40) -> dict[str, str]:
        """Return what a job finds in its environment, in the pipeline of a merge request."""
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"http://127.0.0.1:{self.port}/api/v4",
            "CI_PROJECT_ID": str(PROJECT),
            "CI_PROJECT_PATH": "acme/pipelines",
            "CI_PROJECT_URL": "https://gitlab.example/acme/pipelines",
            "CI_MERGE_REQUEST_IID": str(number),
            "CI_COMMIT_SHA": commit,
            "CI_JOB_TOKEN": JOB_TOKEN,
            "GITLAB_TOKEN": TOKEN,
        }

    def add_note(self, body: str, author: int = BOT, *, system: bool = False) -> None:
        """Write a note as somebody."""
        user = {"id": author, "username": {BOT: "project_42_bot_x", ANA: "ana"}[author]}
        self.notes.append({"id": 900 + len(self.notes), "body": body, "author": user, "system": system})

    def add_request(self, number: int, head: str, *, merged: str = "", source: int = PROJECT, **more: str) -> None:
        """Open a merge request, or one that was merged as a commit."""
        self.requests.append(
            {
                "iid": number,
                "sha": head,
                "state": "merged" if merged else "opened",
                "merged_at": "2026-11-20T10:00:00.000Z" if merged else None,
                "merge_commit_sha": merged or None,
                "squash_commit_sha": None,
                "source_project_id": source,
                "target_project_id": PROJECT,
                **more,
            }
        )

    def keep(
        self, name: str, content: bytes, *, job: str = "flowerpower-plan", number: int = 5, kind: str = "head"
    ) -> None:
        """Keep a file as an artifact of the newest pipeline of a merge request."""
        self.files[f"refs/merge-requests/{number}/{kind}", job, f"{name}.json"] = content

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """Return the JSON answer; None for what does not exist."""
        for pattern, route in _ROUTES.items():
            if found := re.fullmatch(rf"{method} /api/v4/{pattern}", f"{method} {path}"):
                return route(self, *found.groups(), query=query, body=body, method=method)
        return None

    def _user(self, **_: Any) -> Any:
        return {"id": BOT, "username": "project_42_bot_x", "bot": True}

    def _request(self, number: str, **_: Any) -> Any:
        return next((each for each in self.requests if each["iid"] == int(number)), None)

    def _notes(self, number: str, *, body: Any, **_: Any) -> Any:
        assert self._request(number)
        if body is None:
            return self.notes
        self.add_note(body["body"])
        return self.notes[-1]

    def _note(self, _: str, note: str, *, body: Any, method: str, **__: Any) -> Any:
        assert method == "PUT"
        found = next(each for each in self.notes if each["id"] == int(note))
        found["body"] = body["body"]
        return found

    def _of_commit(self, commit: str, **_: Any) -> Any:
        keys = ("merge_commit_sha", "squash_commit_sha", "sha", "also")
        return [request for request in self.requests if commit in (request.get(key) for key in keys)]


_ROUTES: dict[str, Callable[..., Any]] = {
    "user": FakeGitLab._user,
    rf"projects/{PROJECT}/merge_requests/(\d+)": FakeGitLab._request,
    rf"projects/{PROJECT}/merge_requests/(\d+)/notes": FakeGitLab._notes,
    rf"projects/{PROJECT}/merge_requests/(\d+)/notes/(\d+)": FakeGitLab._note,
    rf"projects/{PROJECT}/repository/commits/(\w+)/merge_requests": FakeGitLab._of_commit,
}
_ARTIFACT = re.compile(rf"/api/v4/projects/{PROJECT}/jobs/artifacts/([^/]+)/raw/([^/]+)")


class _Handler(PagedHandler):
    host: FakeGitLab

    def _handle(self) -> None:
        host, parts = self.host, urlsplit(self.path)
        host.asked.append(f"{self.command} {self.path}")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        query = parse_qs(parts.query)
        if parts.path.startswith("/store/"):
            host.leaked += [self.path] if {"PRIVATE-TOKEN", "JOB-TOKEN"} & set(self.headers) else []
            self.send_body(200, host.files[tuple(json.loads(unquote(parts.path.removeprefix("/store/"))))])  # type: ignore[index]
        elif (refused := self._refused(parts.path)) is not None:
            self.send_body(*refused, {"Location": f"http://localhost:{host.port}{self.path}"})
        elif found := _ARTIFACT.fullmatch(parts.path):
            key = (unquote(found[1]), query["job"][0], unquote(found[2]))
            if key not in host.files:
                self.send_body(404, b'{"message":"404 Not Found"}')
                return
            place = f"http://localhost:{host.port}/store/{json.dumps(key).replace(' ', '%20').replace('/', '%2F')}"
            self.send_body(302, b"", {"Location": place.replace('"', "%22")})
        else:
            self.send_page(
                host.answer(self.command, parts.path, query, body),
                host.port,
                host.page,
                missing={"message": "404 Not Found"},
            )

    def _refused(self, path: str) -> tuple[int, bytes] | None:
        host = self.host
        if self.headers.get("JOB-TOKEN") == JOB_TOKEN:
            return None if _FOR_JOBS.fullmatch(f"{self.command} {path}") else (401, b'{"message":"401 Unauthorized"}')
        if self.headers.get("PRIVATE-TOKEN") != TOKEN:
            return 401, b'{"message":"401 Unauthorized"}'
        if host.scope != "api" and self.command != "GET":
            return 403, json.dumps({"error": "insufficient_scope", "scope": "api"}).encode()
        if host.refuse.get(self.command):
            return host.refuse[self.command].pop(0), b'{"message":"403 Forbidden"}'
        return None

    do_GET = do_POST = do_PUT = _handle  # noqa: N815


@contextmanager
def fake_gitlab() -> Iterator[FakeGitLab]:
    """Run the host for the length of a block."""
    host = FakeGitLab()
    with serving(type("Handler", (_Handler,), {"host": host})) as host.port:
        yield host
