"""GitHub, from within a job of its Actions: the pull request at hand, its comment, the plan that was approved."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowerpower.errors import UsageError
from flowerpower.hosting.host import Kept
from flowerpower.hosting.sticky import Comment
from flowerpower.hosting.web import LARGEST, HostingError, Web

BOT = "github-actions[bot]"
LONGEST = 65_536  # characters of a comment
_REFUSED = (
    "give the job `permissions: {contents: read, pull-requests: write, actions: read}` and "
    "`env: {GITHUB_TOKEN: ${{ github.token }}}`; the token of a pull request from a fork may only read"
)
_MISSING = (
    "check that there is such a pull request (--pull-request) and that {repository} is its repository "
    "(GITHUB_REPOSITORY). GitHub says 404 also of what a token may not see: then"
)


@dataclass(frozen=True)
class GitHub:
    """The repository that a job runs for, and the event that started the job."""

    web: Web
    repository: str
    event: Mapping[str, Any]
    author: str = BOT  # who writes our comments
    commit: str = ""
    sign: str = "#"
    longest: int = LONGEST

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, author: str = "") -> GitHub:
        """Return the host of this job; raise `UsageError` outside one, or when it has no token."""
        repository = environment.get("GITHUB_REPOSITORY", "")
        token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN")
        if not token:
            raise UsageError("this job has no token", hint="add to the step: env: {GITHUB_TOKEN: ${{ github.token }}}")
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        address = environment.get("GITHUB_API_URL") or "https://api.github.com"
        web = Web(address, headers, _REFUSED, _MISSING.format(repository=repository))
        event = _event(environment.get("GITHUB_EVENT_PATH", ""))
        return cls(web, repository, event, author or BOT, environment.get("GITHUB_SHA", ""))

    def pull_request(self) -> int:
        """Return the number of the pull request that this job is about; raise `UsageError` when it is about none.

        A job started by the run of another workflow is about the open pull request whose head that run tested, or whose
        branch, if it has moved on: such an event names no number when the pull request comes from a fork.
        """
        number = (self.event.get("pull_request") or {}).get("number") or self.event.get("number")
        run = self.event.get("workflow_run")
        if isinstance(run, dict):
            number = self._of_run(run)
        if not isinstance(number, int):
            raise UsageError(
                "this job is about no open pull request", hint="run it on pull_request, or name one: --pull-request N"
            )
        return number

    def _of_run(self, run: Mapping[str, Any]) -> int | None:
        source = run.get("head_repository")
        if not source:  # the fork was deleted meanwhile: nobody can push to its pull request any more
            of_all = self.web.pages(f"repos/{self.repository}/pulls?state=open&per_page=100")
            return next((int(pull["number"]) for pull in of_all if pull["head"]["sha"] == run["head_sha"]), None)
        head = f"{source['owner']['login']}:{run['head_branch']}"
        found = self.web.pages(f"repos/{self.repository}/pulls?state=open&per_page=100&head={quote(head, safe=':')}")
        pulls = sorted(found, key=lambda pull: pull["head"]["sha"] != run["head_sha"])
        return int(pulls[0]["number"]) if pulls else None

    def head(self, number: int) -> str:
        """Return the commit that a pull request asks to merge, as it is now."""
        return str(self.web.call("GET", f"repos/{self.repository}/pulls/{number}")["head"]["sha"])

    def tested_head(self) -> str:
        """Return the commit of the pull request that started this job; empty when the event names none."""
        run = self.event.get("workflow_run")
        source = run if isinstance(run, dict) else (self.event.get("pull_request") or {}).get("head", {})
        return str(source.get("head_sha") or source.get("sha") or "")

    def comments(self, number: int) -> list[Comment]:
        """Return the comments of a pull request, oldest first."""
        found = self.web.pages(f"repos/{self.repository}/issues/{number}/comments?per_page=100")
        return [
            Comment(
                int(comment["id"]),
                str(comment.get("body") or ""),
                (comment.get("user") or {}).get("login") == self.author,
                str(comment.get("html_url", "")),
            )
            for comment in found
        ]

    def create(self, number: int, body: str) -> str:
        """Write a new comment and return its address."""
        made = self.web.call("POST", f"repos/{self.repository}/issues/{number}/comments", {"body": body})
        return str(made.get("html_url", ""))

    def update(self, number: int, comment: Comment, body: str) -> str:
        """Write a comment again and return its address."""
        made = self.web.call("PATCH", f"repos/{self.repository}/issues/comments/{comment.id}", {"body": body})
        return str(made.get("html_url", ""))

    def merged_commit(self) -> str:
        """Return the commit that this job runs for; empty when nothing tells."""
        return self.commit

    def merged_head(self, commit: str) -> tuple[int, str] | None:
        """Return the number and the last commit of the pull request that a commit was merged by; None for none."""
        pulls = [
            pull
            for pull in self.web.pages(f"repos/{self.repository}/commits/{commit}/pulls?per_page=100")
            if pull.get("merged_at")
        ]
        pulls.sort(key=lambda pull: (pull.get("merge_commit_sha") == commit, pull["merged_at"]))
        return (int(pulls[-1]["number"]), str(pulls[-1]["head"]["sha"])) if pulls else None

    def approved_plan(self, kept: Kept) -> bytes | None:
        """Return the newest plan file kept under a name; None when there is none, or none any more.

        Only what a run of this repository's own code kept counts: a fork runs what it likes and may use any name.
        """
        name = kept.name
        found = [
            artifact
            for page in self.web.pages(f"repos/{self.repository}/actions/artifacts?name={quote(name)}&per_page=100")
            for artifact in page.get("artifacts", ())
            if artifact["name"] == name and not artifact.get("expired") and _is_own(artifact.get("workflow_run") or {})
        ]
        if not found:
            return None
        newest = max(found, key=lambda artifact: (str(artifact.get("created_at")), int(artifact["id"])))
        return _only_json(self.web.download(f"repos/{self.repository}/actions/artifacts/{newest['id']}/zip"), name)


def _event(path: str) -> Mapping[str, Any]:
    try:
        event = json.loads(Path(path).read_bytes()) if path else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"the event of this job cannot be read: {error}") from None
    return event if isinstance(event, dict) else {}


def _is_own(run: Mapping[str, Any]) -> bool:
    home = run.get("repository_id")
    return home is not None and run.get("head_repository_id") == home


def _only_json(archive: bytes, name: str) -> bytes:
    """Return the one JSON file in an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            files = [member for member in opened.infolist() if member.filename.endswith(".json")]
            if len(files) != 1:
                raise HostingError(f"the artifact {name} holds {len(files)} plan files instead of one")
            if files[0].file_size > LARGEST:
                raise HostingError(f"the plan in the artifact {name} is larger than {LARGEST:,} bytes")
            return opened.read(files[0])
    except zipfile.BadZipFile:
        raise HostingError(f"the artifact {name} is no archive") from None
