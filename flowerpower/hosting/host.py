"""What `comment` and `approved` ask of a code host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowerpower.hosting.sticky import Comment


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan file as the job that planned kept it: which request, its last commit, the name, and of which job."""

    number: int
    head: str
    name: str
    job: str


class CodeHost(Protocol):
    """A host of repositories, as a CI job sees it; a merge request of GitLab is a pull request here."""

    @property
    def sign(self) -> str:
        """What stands before the number of a pull request."""

    @property
    def longest(self) -> int:
        """The most characters of a comment."""

    def pull_request(self) -> int:
        """Return the number of the pull request that this job is about; raise `UsageError` when it is about none."""

    def head(self, number: int) -> str:
        """Return the commit that a pull request asks to merge, as it is now."""

    def tested_head(self) -> str:
        """Return the commit of the pull request that started this job; empty when nothing tells."""

    def comments(self, number: int) -> list[Comment]:
        """Return the comments of a pull request, oldest first."""

    def create(self, number: int, body: str) -> str:
        """Write a new comment and return its address."""

    def update(self, number: int, comment: Comment, body: str) -> str:
        """Write a comment again and return its address."""

    def merged_commit(self) -> str:
        """Return the commit that this job runs for; empty when nothing tells."""

    def merged_head(self, commit: str) -> tuple[int, str] | None:
        """Return the number and the last commit of the pull request that a commit was merged by; None for none."""

    def approved_plan(self, kept: Kept) -> bytes | None:
        """Return a plan file that was kept; None when there is none, or none any more."""
