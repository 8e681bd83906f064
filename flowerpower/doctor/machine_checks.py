"""What the facts of a machine, a repository and a project mean."""

from __future__ import annotations

from collections.abc import Sequence

from flowerpower.doctor.findings import Finding, Unknown, not_known
from flowerpower.doctor.machine import GitFacts, MachineFacts, PluginFacts
from flowerpower.errors import Problem
from flowerpower.installing import DISTRIBUTION
from flowerpower.render.words import count, listed, short
from flowerpower.revision import Revision
from flowerpower.specs.verdict import Verdict


def machine_findings(facts: MachineFacts) -> list[Finding]:
    """Return what the versions of this machine mean."""
    libraries = ", ".join(f"{name} {version}" for name, version in facts.libraries)
    python = Finding("machine", "python", "ok", f"{facts.python}, flowerpower {facts.flowerpower}")
    if isinstance(facts.wrong, Unknown):
        return [python, not_known("machine", "libraries", facts.wrong)]
    if facts.wrong:
        hint = f"pip install -U {DISTRIBUTION}, in this environment"
        return [python, Finding("machine", "libraries", "fail", listed(facts.wrong), hint)]
    found = [python, Finding("machine", "libraries", "ok", libraries)]
    if not any(name == "hiredis" for name, _ in facts.libraries):
        found.append(
            Finding("machine", "hiredis", "warn", "not installed: large plans are slower", "pip install hiredis")
        )
    return found


def git_findings(facts: GitFacts, env: str) -> list[Finding]:
    """Return what the state of git means for applies to an environment."""
    if isinstance(facts.version, Unknown):
        return [Finding("git", "version", "warn", facts.version.why, "install git: guards and --ref need it")]
    found = [Finding("git", "version", "ok", facts.version)]
    if facts.repository is None:
        message = "outside git: commits cannot be compared, guards `older` and `dirty` do not apply"
        return [*found, Finding("git", "repository", "warn", message, "git init")]
    return [*found, _repository(facts.revision, env), *_depth(facts.shallow)]


def _repository(revision: Revision | Unknown, env: str) -> Finding:
    if isinstance(revision, Unknown):
        return Finding("git", "repository", "fail", revision.why, "plan and apply refuse until git can read it")
    if not revision.commit:
        return Finding("git", "repository", "warn", "no commit yet", "commit the project before the first apply")
    if revision.dirty and env != "default":
        message = f"{short(revision.commit)}, with uncommitted changes: apply to {env} refuses"
        return Finding("git", "repository", "warn", message, "commit them, or --allow-dirty")
    return Finding("git", "repository", "ok", short(revision.commit) + (" with changes" if revision.dirty else ""))


def _depth(shallow: bool | Unknown) -> list[Finding]:
    if isinstance(shallow, Unknown) or not shallow:
        return []
    message = "a shallow clone: whether a commit is older than the applied one cannot be told, and apply refuses"
    return [Finding("git", "depth", "warn", message, "git fetch --unshallow, or `fetch-depth: 0` in CI")]


def project_findings(verdict: Verdict) -> list[Finding]:
    """Return what a check of the specs and of the modules, which are read and not run, means."""
    errors = [problem for problem in verdict.problems if problem.severity == "error"]
    warnings = [problem for problem in verdict.problems if problem.severity == "warning"]
    size = f"{count(verdict.pipelines, 'pipeline')}, {count(verdict.schedules, 'schedule')}"
    if errors:
        return [Finding("project", "specs", "fail", f"{count(len(errors), 'error')}; {_first(errors)}", _HINT)]
    if warnings:
        return [
            Finding("project", "specs", "warn", f"{size}, {count(len(warnings), 'warning')}; {_first(warnings)}", _HINT)
        ]
    return [Finding("project", "specs", "ok", f"{size}, no problem")]


_HINT = "flowerpower validate shows all of them"


def _first(problems: Sequence[Problem]) -> str:
    first = problems[0]
    return f"first: {first.place} {first.code} {first.what}"


def plugin_findings(facts: PluginFacts) -> list[Finding]:
    """Return what is wrong with plug-ins."""
    found = []
    if facts.absent:
        message = f"named in `plugins:` and not installed: {listed(facts.absent)}"
        found.append(Finding("plug-ins", "installed", "fail", message, f"pip install {facts.absent[0]}"))
    if facts.broken:
        hint = "install the distribution anew, or uninstall it"
        found.append(Finding("plug-ins", "loaded", "fail", listed(facts.broken, 2), hint))
    return found or [Finding("plug-ins", "loaded", "ok", listed(facts.offered) or "none installed")]
