"""The files of a new project, made of `project_template/`, which is a copier template too.

Of Jinja it needs little, in files and names that end in `.jinja` alone: `[[ name ]]`, and `[% if name == "text" %] ...
[% endif %]`, not nested. Tests hold that copier makes the same bytes. Ruled out: to depend on copier, which is slow to
start and brings twenty packages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from flowerpower.scaffold.answers import Answers
from flowerpower.version import __version__

_SOURCE = "gh:flowerpower-gitops/flowerpower"
_RENDERED = ".jinja"
_ANSWERS_FILE = ".copier-answers.yml"
_NOT_COPIED = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "out", ".flowerpower"}
_OF_COMPOSE = {"compose.yaml", "Dockerfile", ".dockerignore", ".env.example"}
_IF = re.compile(r'\[% if (\w+)(?: (==|!=) "(.*?)")? %\](.*?)\[% endif %\]', re.DOTALL)
_VALUE = re.compile(r"\[\[ (.+?) (?:-\]\]\n|\]\])")

Values = Mapping[str, str | bool]


def template_files(answers: Answers) -> dict[Path, bytes]:
    """Return every file of a new project, by its path in it."""
    template = _folder()
    values, left_out = _values(answers), _left_out(answers)
    files = {}
    for path in sorted(template.rglob("*")):
        place = path.relative_to(template)
        rendered = place.suffix == _RENDERED
        if rendered:
            place = Path(_render(str(place.with_suffix("")), values))
        if path.is_file() and not left_out.intersection(place.parts):
            content = path.read_bytes()
            files[place] = _render(content.decode(), values).encode() if rendered else content
    return files


def _left_out(answers: Answers) -> set[str]:
    names = _NOT_COPIED | (set() if answers.compose else _OF_COMPOSE)
    homes = {"github": ".github", "gitlab": ".gitlab-ci.yml"}
    return names | {home for ci, home in homes.items() if ci != answers.ci}


def _values(answers: Answers) -> Values:
    return {
        **asdict(answers),
        "version": __version__,
        "_copier_conf.answers_file": _ANSWERS_FILE,
        "_copier_answers|to_nice_yaml": _remembered(answers),
    }


def _remembered(answers: Answers) -> str:
    """Return the answers as copier remembers them, and where a later version of the template comes from."""
    import yaml

    known = {"_commit": f"v{__version__}", "_src_path": _SOURCE, **asdict(answers)}
    return yaml.dump(known, indent=4, allow_unicode=True, default_flow_style=False)


def _render(text: str, values: Values) -> str:
    chosen = _IF.sub(lambda found: found[4] if _holds(values[found[1]], found[2], found[3]) else "", text)
    return _VALUE.sub(lambda found: str(values[found[1]]), chosen)


def _holds(value: str | bool, operator: str | None, other: str) -> bool:
    return bool(value) if operator is None else (value == other) == (operator == "==")


def _folder() -> Path:
    """Return the template, which lies inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data/project_template"
    return installed if installed.is_dir() else package.parent / "project_template"
