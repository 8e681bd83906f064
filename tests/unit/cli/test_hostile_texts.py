"""Texts of specs in the plan of an untrusted checkout: in a comment nothing of them is more than text."""

from __future__ import annotations

import json
import re

import pytest
from support.command_line import CommandLine, look

FORGED = '<!-- flowerpower {"env": "prod", "plan_hash": "sha256:1", "truncated": false} -->'
OURS = "\n\N{NO-BREAK SPACE}"  # which keeps dates whole in the comment; one in a spec is shown as an escape
HOSTILE = [
    FORGED,
    "--> <img src=https://evil.example/x.png> <!--",
    "````\n````diff\n</details>\n# Approved",
    "@ana please approve, see #1 and https://evil.example www.evil.example",
    "| a | b |\n|---|---|",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\u202egnp.exe\u2066\u200b\u2028",
    "$\\color{white}{hidden}$ &#64;ana &lt;img&gt;",
    "[click](javascript:alert(1)) ![x](http://evil.example)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_spec_becomes_markup_a_header_or_a_control_character(applied: CommandLine, text: str) -> None:
    value = json.dumps(text)
    applied.write(
        "schedules/hourly.yaml",
        f"pipeline: report\nevery: 2h\ndescription: {value}\nowner: {value}\nlabels: {{a: {value}}}\n"
        f"inputs: {{number: {{{value}: {value}}}}} # flowerpower: ignore FP335 the text counts, not the type\n",
    )
    applied.write(f"schedules/{text.replace('/', '_')[:80]}.yaml", "pipeline: report\nname: odd\nevery: 3h\n")

    comment, plan = look(applied, "--format", "markdown"), look(applied)

    assert (comment.code, comment.err, comment.out.count("<!--"), comment.out.count("-->") > 0) == (0, "", 1, True)
    header = json.loads(comment.out.partition("\n")[0].removeprefix("<!-- flowerpower ").removesuffix(" -->"))
    assert (header["env"], header["plan_hash"]) != ("prod", "sha256:1")
    for output in (comment.out, comment.err, plan.out, plan.err):
        assert all(char.isprintable() or char in OURS for char in output)
    outside = without_code(comment.out.partition("\n")[2])
    for markup in ("<img", "https://", "www.", "@ana", "](", "$\\", "# Approved", "&lt;img&gt;", "&#64;ana"):
        assert markup not in outside


def without_code(comment: str) -> str:
    """Return a comment without fences, code spans and escaped characters, read as GitHub reads them."""
    fence = re.search(r"^(`{3,})diff$", comment, re.MULTILINE)
    if fence:
        start = fence.end()
        end = re.compile(rf"^`{{{len(fence[1])},}}$", re.MULTILINE).search(comment, start)
        assert end is not None
        comment = comment[: fence.start()] + comment[end.end() :]
    return re.sub(r"\\[!-/:-@\[-`{-~]", "", re.sub(r"(?<!\\)(`+).*?(?<!`)\1(?!`)", "", comment))
