"""What a pull request is told in the place of its plan, when its newest commit has none."""

from __future__ import annotations

from collections.abc import Sequence

from flowerpower.errors import Problem
from flowerpower.render.plan_markdown import hidden_header
from flowerpower.render.problems_github import problems_summary
from flowerpower.render.words import code_span, safe, short

_LARGEST = 30_000  # bytes of the table of mistakes


def no_plan_markdown(namespace: str, commit: str, problems: Sequence[Problem]) -> str:
    """Return the comment: which commit has no plan, and why as far as the mistakes in its specs tell."""
    errors = [problem for problem in problems if problem.severity == "error"]
    values = {"namespace": namespace, "env": namespace.rpartition(".")[2], "plan_hash": "", "commit": commit}
    which = f"The newest commit, {code_span(short(commit))}," if commit else "The newest commit"
    why = "its specs are not valid" if errors else "one of its jobs failed before it was planned"
    blocks = [
        hidden_header({**values, "truncated": False}),
        f"## No plan ({safe(namespace)})",
        f"{which} has no plan: {why}. What stood here was the plan of an earlier commit, which no merge applies.",
    ]
    blocks += [problems_summary(errors, limit=_LARGEST)] if errors else []
    return "\n\n".join(blocks).rstrip() + "\n"
