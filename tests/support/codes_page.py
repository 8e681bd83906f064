"""Writes docs/codes.md from specs/codes.py and the examples, which are run for what `validate` says of them.

`make docs` runs this module; a test fails while the page is not what it would write.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowerpower.errors import Problem
from flowerpower.render.problems import problems_text
from flowerpower.specs.codes import CODES
from support.code_examples import PROJECT, Block, Example, examples, run_example

PAGE = Path(__file__).resolve().parents[2] / "docs" / "codes.md"
_GROUPS = {
    "FP00": "Files",
    "FP01": "YAML",
    "FP02": "YAML",
    "FP1": "One spec",
    "FP2": "Environments and placeholders",
    "FP32": "Dataflow",
    "FP33": "Dataflow",
    "FP39": "Not built yet",
    "FP3": "Across specs",
    "FP9": "Comments",
}
_LANGUAGES = {"ml": "yaml", "py": "python"}
_INTRODUCTION = """\
# Codes

<!-- Written by `make docs` from flowerpower/specs/codes.py and tests/cases/codes. Change those. -->

After this page you know what a code means, and how a spec without it looks.

Every problem that `flowerpower validate` finds has a code. A code never changes its meaning. An **error** makes the
specs invalid: nothing is planned or applied. A **warning** is said and does not stop anything; a **note** says what
could not be decided.

## Silencing a problem

A comment silences one code in one place, and says why:

```yaml
at: 2020-01-01T06:00:00 # flowerpower: ignore FP304 kept for its history until the audit
```

A comment behind a value counts for its own line; one that stands alone counts for the next line. The line is the one
that the problem names. The reason is required, and only the codes marked *yes* can be silenced: the others are
mistakes that no reason makes right. A comment that is not understood, or that silences what it may not, is
[FP901](#fp901).

## The examples

Each example is laid over this small project, and is run by the tests:

"""


def codes_page(folder: Path) -> str:
    """Return the page; the examples are laid out below *folder*."""
    found = list(examples())
    project = [_fenced(Block(_LANGUAGES[path[-2:]], path, text)) for path, text in PROJECT.items()]
    return _INTRODUCTION + "\n".join([*project, *_table(found), *(_section(each, folder, found) for each in found)])


def _table(found: Sequence[Example]) -> Iterator[str]:
    yield "## All codes\n\n| code | what | can be silenced |\n|---|---|---|"
    for example in found:
        name, code = example.code, CODES[example.code]
        yield f"| [{name}](#{name.lower()}) | {code.title} | {'yes' if code.can_be_silenced else 'no'} |"
    yield ""


def _section(example: Example, folder: Path, found: Sequence[Example]) -> str:
    code, name = CODES[example.code], example.code
    outcome = run_example(example, folder / name)
    said = [problem for problem in outcome.before if problem.code == name]
    assert said, f"the bad files of {name} do not have it: {outcome.before}"
    first = next(each.code for each in found if _group(each.code) == _group(name)) == name
    parts = [
        *([f"## {_group(name)}\n"] if first else []),
        f'<a id="{name.lower()}"></a>\n\n### {name} {code.title}\n\n{example.meaning}\n',
        *map(_fenced, example.bad),
        _said(said),
        "Mended:\n" if said[0].hint == code.advice else f"{code.advice} Mended:\n",
        *map(_fenced, example.mended),
    ]
    if code.can_be_silenced:
        parts.append(f"Where it is meant, the line above: `# flowerpower: ignore {name} the reason`.\n")
    return "\n".join(parts)


def _group(code: str) -> str:
    return next((title for start, title in _GROUPS.items() if code.startswith(start)), "More")


def _fenced(block: Block) -> str:
    head = f"# {block.path}\n" if block.path else ""
    return f"```{block.language}\n{head}{block.text}```\n"


def _said(problems: Sequence[Problem]) -> str:
    return f"```text\n{problems_text(problems[:1])}\n```\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text(codes_page(Path(scratch)), encoding="utf-8")
