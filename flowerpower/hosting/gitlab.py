"""GitLab, from within a job of its CI: the merge request at hand, its note, the plan that was approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from flowerpower.errors import UsageError
from flowerpower.hosting.host import Kept
from flowerpower.hosting.sticky import Comment
from flowerpower.hosting.web import NOT_FOUND, HostingError, Web

LONGEST = 1_000_000  # characters of a note
_ADVICE = (
    "make a project access token (Settings > Access tokens) with the role Reporter and the scope api, and give it to "
    "the job as the masked variable GITLAB_TOKEN"
)
_MISSING = (
    "check that there is such a merge request (--pull-request, CI_MERGE_REQUEST_IID) and that {project} is its project "
    "(CI_MERGE_REQUEST_PROJECT_ID, CI_PROJECT_ID). GitLab says 404 also of what a token may not see: then"
)


@dataclass(frozen=True)
class GitLab:
    """The project that a job runs for, and what its variables say of the merge request."""

    web: Web
    environment: Mapping[str, str]
    project: str
    author: str = ""  # who writes our notes; without it the user that the token belongs to
    sign: str = "!"
    longest: int = LONGEST

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, author: str = "", writes: bool = False) -> GitLab:
        """Return the host of this job; raise `UsageError` outside one, or when it has no token that will do."""
        address = environment.get("CI_API_V4_URL", "")
        project = environment.get("CI_MERGE_REQUEST_PROJECT_ID") or environment.get("CI_PROJECT_ID", "")
        if not (address and project):
            raise UsageError("this is no job on GitLab", hint="CI_API_V4_URL and CI_PROJECT_ID are not set")
        own, of_job = environment.get("GITLAB_TOKEN", ""), environment.get("CI_JOB_TOKEN", "")
        if writes and not own:
            raise UsageError("this job has no token that may write a note: that of a job may only read", hint=_ADVICE)
        if not (own or of_job):
            raise UsageError("this job has no token", hint=_ADVICE)
        headers = {"PRIVATE-TOKEN": own} if own else {"JOB-TOKEN": of_job}
        web = Web(address, headers, _ADVICE, _MISSING.format(project=project))
        return cls(web, environment, quote(project, safe=""), author)

    def pull_request(self) -> int:
        """Return the number of the merge request that this job is about; raise `UsageError` when it is about none.

        In the pipeline of a branch, it is the open merge request of this project that the branch is the source of.
        """
        named = self.environment.get("CI_MERGE_REQUEST_IID", "")
        if not named:
            path = self.environment.get("CI_PROJECT_PATH", "")
            opened = self.environment.get("CI_OPEN_MERGE_REQUESTS", "").split(",")
            named = next((text.rpartition("!")[2] for text in opened if path and text.startswith(f"{path}!")), "")
        if not named.isdecimal():
            raise UsageError(
                "this job is about no open merge request",
                hint="run it with `rules: [{if: $CI_PIPELINE_SOURCE == 'merge_request_event'}]`, or name one: "
                "--pull-request N",
            )
        return int(named)

    def head(self, number: int) -> str:
        """Return the commit that a merge request asks to merge, as it is now."""
        return str(self._request(number)["sha"])

    def tested_head(self) -> str:
        """Return the commit of the merge request that this job runs for, also where it runs for the merged result."""
        of_branch = self.environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
        return of_branch or self.environment.get("CI_COMMIT_SHA", "")

    def comments(self, number: int) -> list[Comment]:
        """Return the notes that people and programs wrote, oldest first."""
        found = self.web.pages(f"{self._of(number)}/notes?sort=asc&order_by=created_at&per_page=100")
        return [
            Comment(int(note["id"]), str(note.get("body") or ""), self._is_mine(note), self._url(number, note))
            for note in found
            if not note.get("system")
        ]

    def create(self, number: int, body: str) -> str:
        """Write a new note and return its address."""
        return self._url(number, self.web.call("POST", f"{self._of(number)}/notes", {"body": body}))

    def update(self, number: int, comment: Comment, body: str) -> str:
        """Write a note again and return its address."""
        return self._url(number, self.web.call("PUT", f"{self._of(number)}/notes/{comment.id}", {"body": body}))

    def merged_commit(self) -> str:
        """Return the commit that this job runs for; empty when nothing tells."""
        return self.environment.get("CI_COMMIT_SHA", "")

    def merged_head(self, commit: str) -> tuple[int, str] | None:
        """Return the number and the last commit of the merge request that a commit was merged by; None for none."""
        found = self.web.pages(f"projects/{self.project}/repository/commits/{commit}/merge_requests?per_page=100")
        merged = [request for request in found if request.get("state") == "merged"]
        merged.sort(key=lambda request: (_brought(request, commit), str(request.get("merged_at"))))
        return (int(merged[-1]["iid"]), str(merged[-1]["sha"])) if merged else None

    def approved_plan(self, kept: Kept) -> bytes | None:
        """Return the plan file that the newest pipeline of a merge request kept; None when there is none any more.

        The token of a job may ask for it. A merge request from a fork has none: its pipeline runs what the fork likes.
        """
        request = self._request(kept.number)
        if request.get("source_project_id") != request.get("target_project_id"):
            raise UsageError(
                f"!{kept.number} came from a fork, whose jobs may keep anything: no plan of theirs is an approval",
                hint="plan, look and apply by hand",
            )
        file, job = quote(f"{kept.name}.json"), quote(kept.job, safe="")
        for ref in ("head", "merge"):  # the pipeline of the branch as it is, or of what a merge would make of it
            path = quote(f"refs/merge-requests/{kept.number}/{ref}", safe="")
            try:
                return self.web.download(f"projects/{self.project}/jobs/artifacts/{path}/raw/{file}?job={job}")
            except HostingError as error:
                if error.status != NOT_FOUND:
                    raise
        return None

    def _of(self, number: int) -> str:
        return f"projects/{self.project}/merge_requests/{number}"

    def _request(self, number: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.web.call("GET", self._of(number))
        return found

    @cached_property
    def _me(self) -> int:
        return int(self.web.call("GET", "user")["id"])

    def _is_mine(self, note: Mapping[str, Any]) -> bool:
        """Tell whether we wrote a note: its first line is looked at only then, since anybody can copy that."""
        author = note.get("author") or {}
        return author.get("username") == self.author if self.author else author.get("id") == self._me

    def _url(self, number: int, note: Mapping[str, Any]) -> str:
        page = self.environment.get("CI_MERGE_REQUEST_PROJECT_URL") or self.environment.get("CI_PROJECT_URL", "")
        return f"{page}/-/merge_requests/{number}#note_{note['id']}" if page else ""


def _brought(request: Mapping[str, Any], commit: str) -> bool:
    return commit in (request.get("merge_commit_sha"), request.get("squash_commit_sha"), request.get("sha"))
