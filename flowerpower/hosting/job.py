"""Which code host a CI job runs for."""

from __future__ import annotations

from collections.abc import Mapping

from flowerpower.errors import UsageError
from flowerpower.hosting.github import GitHub
from flowerpower.hosting.gitlab import GitLab
from flowerpower.hosting.host import CodeHost


def host_of(environment: Mapping[str, str], *, author: str = "", writes: bool = False) -> CodeHost:
    """Return the host that this job runs for; raise `UsageError` outside of one, or without a token that will do."""
    if environment.get("GITLAB_CI") or (environment.get("CI_API_V4_URL") and not environment.get("GITHUB_REPOSITORY")):
        return GitLab.from_environment(environment, author=author, writes=writes)
    if not environment.get("GITHUB_REPOSITORY"):
        raise UsageError("this is no job on GitHub or GitLab", hint="neither GITHUB_REPOSITORY nor GITLAB_CI is set")
    return GitHub.from_environment(environment, author=author)
