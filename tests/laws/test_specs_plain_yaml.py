"""What the quick reader reads at all, it reads as the composer does: values, their types, order of keys, first line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowerpower.specs.text.plain_yaml import _ODD, read_plain
from flowerpower.specs.text.yaml import parse_exactly

GOOD_VALUES = """\
no
~
true
010
0o17
0x1f
-1
1e3
.5
12:30:00
2026-01-01
a:b
http://x?a=b&c
'it''s'
'a: b'
'a #b'
"t\\tb"
"\\/"
"é 日本"
a b
a b # c
'x' # c
[]
{}
[a]
[1,2]
[ a , b ]
[a b, -1]
['a',"b"]
[[a],{b: c}]
{a: 1}
{a: [b], c: {d: e}}
a - b
${tick:%Y}
${var:A:-b}
$${
1_000
0b11
a,b
x]
x}
(a)
/a/b.csv
-5x
a*b
a&b
50%
größe
"* * * * *"
# c
""".splitlines()
NASTY_VALUES = """\
-
-x
.inf
-.nan
a#b
a:
'open
"open
"\\u00e9"
*a
&a
&a 1
!a
!a 1
!!str
@a
`a
%
>-
|
|-
|+
|2
[a,]
[,a]
[a
{a: }
{a}
{a:1}
{'a': 1}
{a: 1,a: 2}
[a: 1]
[http://x]
[a?]
[-a]
[-]
[-1:2]
{true: 1}
{a : 1}
<a
<<
=
?a
? a
,a
'x'#
[a]#
{a: b}x
[a] # ]
a\u2028b
a\tb
a\x85b
a:\tb
0x
-0o7
-1: 2
-1 #
None
[None]
[a, None]
{a: None}
a #1
'a' #1
#c
 #c
“a”
[‘a’]
a\u200b
""".splitlines()
KEYS = st.sampled_from(["a", "b", "c-d", "e.f", "_g", "G1"])
ODD_KEYS = st.sampled_from(["null", "true", "1", "é", "a b", "<<", "'q'", "?", "a:b", "-a", ""])
MARKS = st.sampled_from(["", "", "", "- "])
ODD_LINES = st.sampled_from(
    ["", "", "# c", "   # c", "      ", "---", "...", "plain", "  plain", "    x", "\r", "- - a", "-"]
)
ODD_STARTS = ["---\n", "--- \n", "\ufeff", "%YAML 1.2\n---\n", "# c\n---\n", "\n---\n"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return lines that mostly hang together, now and then with something odd among them."""
    lines: list[str] = []
    indent = 0
    odd = draw(st.sampled_from([False, False, True]))
    for _ in range(draw(st.integers(1, 7))):
        mark, key, value = (
            draw(MARKS) if lines else "",
            f"{draw(KEYS)}{len(lines) or ''}",
            draw(st.sampled_from(GOOD_VALUES)),
        )
        if odd and not draw(st.integers(0, 5)):
            value = draw(st.sampled_from(NASTY_VALUES))
        if odd and not draw(st.integers(0, 5)):
            key = draw(ODD_KEYS)
        spaces = " " * (indent + (odd and not draw(st.integers(0, 7))))
        colon = draw(st.sampled_from([": ", ": ", ":", ":  ", " : "])) if odd else ": "
        form = draw(st.integers(0, 5))
        if form == 0:  # a literal block
            lines += [f"{spaces}{key}: |", *(f"{spaces}  {line}" for line in draw(st.lists(BLOCK_LINES, max_size=3)))]
        elif form == 1:  # a key that opens something, with what it opens or not
            lines.append(f"{spaces}{mark}{key}:")
            indent += draw(st.sampled_from([0, 2, 2, 2])) + len(mark)
        elif form == 2 and mark:
            lines.append(f"{spaces}- {value}")
        else:
            lines.append(f"{spaces}{mark}{key}{colon}{value}")
            indent = max(0, indent + len(mark) - draw(st.sampled_from([0, 0, 2, 4])))
        if odd and not draw(st.integers(0, 5)):
            lines.append(draw(ODD_LINES))
    start = draw(st.sampled_from(ODD_STARTS)) if odd and not draw(st.integers(0, 5)) else ""
    return start + "\n".join(lines) + draw(st.sampled_from(["\n", "\n", "\n", "", "\n\n", "  \n"]))


BLOCK_LINES = st.sampled_from(["x", "a: b", "# c", "  deeper", "- x", "'", "x  ", "", "é", "|"])
TEXTS = texts()


def exactly(value: Any) -> str:
    return repr(value)  # tells 1 from True and 1.0, and the order of keys


def check(text: str) -> None:
    found = read_plain(text)
    if found is None:
        return
    data, line, leaves_open = found
    parsed = parse_exactly("x.yaml", text.encode())

    assert parsed.problems == ()
    documents = [(exactly(document.data), document.line, document.leaves_open) for document in parsed.documents]
    assert documents == [(exactly(data), line, leaves_open)]


@given(text=TEXTS)
@settings(max_examples=1500, deadline=None)
@example(text="a: |\n  x")
@example(text="a: |\n  x\n y\nb: 1\n")
@example(text="a: |\n    x\n\n   \n  b: 1\n")
@example(text="a: |\n  x\n   \n")
@example(text="a: |\n  # x\n# y\nb: |-\n  x\n\n\n")
@example(text="a:\n- b\n- c: 1\n  d: |\n    x\n- e:\n  - f\ng:\n")
@example(text="a: 1\n  b: 2\n")
@example(text="a:\n    b: 1\n  c: 2\n")
@example(text="- a\n")
@example(text="a:\n  - b:\n  c: 1\n")
@example(text=f"a: {'x' * 1200}\n")
@example(text=f"{'k' * 1025}: 1\n")
@example(text="a: [b , 'c' ,d]\n")
@example(text="a: {b: {c: [1, {d: e}]}}\n")
def test_the_quick_reader_agrees_with_the_composer(text: str) -> None:
    check(text)


@given(text=st.text(st.sampled_from(list("ab:-#|>'\"{}[], \n~.0")), max_size=40))
@settings(max_examples=1500, deadline=None)
def test_it_agrees_on_any_text_that_resembles_yaml(text: str) -> None:
    check(text)


@given(depth=st.integers(1, 30), width=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_it_agrees_on_deep_texts(depth: int, width: int) -> None:
    check("".join(f"{' ' * (level * width)}a:\n" for level in range(depth)) + f"{' ' * (depth * width)}b: 1\n")
    check("a: " + "[" * depth + "]" * depth + "\n")


@pytest.mark.parametrize("name", ["pipelines/licences.yaml", "schedules/licences_hourly.yaml"])
def test_the_specs_of_the_template_are_plain(name: str, checkout: Path) -> None:
    assert read_plain((checkout / "project_template" / name).read_text(encoding="utf-8")) is not None


def test_the_kinds_of_yaml_that_specs_are_written_in_are_plain() -> None:
    text = """\
# Sales
name: nightly_sales   # the name
cron: "0 2 * * *"
on_failure: ['https://hooks.example/x', "a\\tb"]
at: 2026-01-01T06:00:00
retry: {max: 3, intervals: [10s, 1m]}
labels:
  tier: gold

  größe: x
inputs:
  none:
  text: |
    several

      lines
  list:
  - 1
  - -2.5
  - {low: 1}
save:
  - outputs: [report]
    path: out/${tick:%Y-%m-%d}.csv
"""
    assert read_plain(text) is None  # a key that is not ASCII is left to the composer
    found = read_plain(text.replace("größe", "size"))

    assert found is not None
    assert found[1] == 2
    assert found[0]["inputs"] == {"none": None, "text": "several\n\n  lines\n", "list": [1, -2.5, {"low": 1}]}
    assert found[0]["save"] == [{"outputs": ["report"], "path": "out/${tick:%Y-%m-%d}.csv"}]


def test_no_character_that_can_be_printed_is_odd() -> None:
    assert re.findall(_ODD, "".join(char for char in map(chr, range(0x110000)) if char.isprintable())) == []
