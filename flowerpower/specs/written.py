"""What to do about a value that is YAML and not what its author meant: how it is written tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowerpower.errors import Problem
from flowerpower.specs.line_ends import with_whole_keys, with_whole_values
from flowerpower.specs.names import stem_of
from flowerpower.specs.text.doubts import braced_hint
from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.passwords import without_passwords
from flowerpower.specs.text.syntax import ODD_SPACES, closed
from flowerpower.specs.text.templates import shell_hint, template_hint

ODD = "".join(ODD_SPACES)
_QUOTED = re.compile(
    r"[\u201c\u201d\u201e]([^\u201c\u201d\u201e\"]*)[\u201c\u201d]|[\u2018\u2019]([^\u2018\u2019\"]*)\u2019"
)
_KEY_AND_VALUE = re.compile(r"([A-Za-z_][\w-]*):([^\s:/].*?)\s*(?:\s#.*)?")
_ITEM = re.compile(rf"-[{ODD}]*([^\s\d.-].*?)\s*(?:\s#.*)?")
_ITEMS = re.compile(r"([^\[\]{}\"'#]*)\]\s*(?:\s#.*)?")
_GLUED_COMMENT = re.compile(r"\s+#[^\s#!]")
_NAME = re.compile(r"(&[\w-]+)\s*(?:#.*)?")
_EQUALS = re.compile(r"([A-Za-z_][\w-]*)\s*=\s*(\S.*?)\s*(?:\s#.*)?")
_LIKE_A_COLON = re.compile(rf"([A-Za-z_][\w-]*):([{ODD}])[{ODD}]*(\S.*?)\s*(?:\s#.*)?")
_MEANT = re.compile(r"did you mean '([^']+)'\?")
_BARE = re.compile(r"([A-Za-z_][\w-]*) +([\[{][^#]*?)\s*(?:\s#.*)?$")
_PAIR = re.compile(r"([A-Za-z_]\w*)=([^\s,}\]]+)")
_BRACKETS = re.compile(r"([A-Za-z_][\w-]*):([\[{\"'].*)")
_DASHES = {"\u2010": "U+2010", "\u2011": "U+2011", "\u2013": "U+2013", "\u2014": "U+2014", "\u2212": "U+2212"}
_DASH = re.compile(f"[{''.join(_DASHES)}]")
_BULLET = re.compile(rf"([{''.join(_DASHES)}\u2022*])\s+(\S.*?)\s*")
_COMMENT = re.compile(r"[^\s\"'#][^#]*?\s(?://\s|/\*).*")
_END = re.compile(r"([\w./-]+)([,;])\s*(?:\s#.*)?")
_PLAIN = re.compile(r"[^\s\"'#\[\]{},].*?(?=\s*(?:\s#.*)?$)")
_IN_QUOTES = re.compile(r"(?:\"([^\"\\]*)\"|'([^']*)')")
_GLUED = re.compile(r"([\w-]+)#")
_SECRET = re.compile("redis|password|username")
_SHOWN = 60  # characters
_LONGEST = 1000  # characters of a line that are looked at
_OF_VALUES = frozenset(("FP103", "FP104", "FP105", "FP106", "FP107", "FP301", "FP303", "FP305", "FP310", "FP320"))
_KEY_WITHOUT_VALUE = re.compile(r"'([A-Za-z_][\w-]*):([^\s':/]+)' has no value")


def with_fitting_hints(problems: Iterable[Problem], texts: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield problems, each with the hint that what is written at its place deserves; none twice for a missing space.

    What they quote holds no password.
    """
    for problem in _with_hints(problems, texts):
        what, hint = without_passwords(problem.what), without_passwords(problem.hint)
        yield problem if (what, hint) == (problem.what, problem.hint) else problem._replace(what=what, hint=hint)


def _with_hints(problems: Iterable[Problem], texts: Mapping[str, bytes]) -> Iterator[Problem]:
    lines: dict[str, list[str]] = {}

    def lines_of(file: str) -> list[str]:
        if file not in lines:
            lines[file] = LINE_END.split(texts.get(file, b"").decode("utf-8", "replace").removeprefix("\ufeff"))
        return lines[file]

    found = with_whole_values(with_whole_keys(list(problems)), lines_of)
    absent = {(p.place.file, f"the key '{key}' is missing") for p in found if (key := _glued_key(p))}
    for problem in without_doubts_of_mistakes(found):
        file, line, column = problem.place.file, problem.place.line, problem.place.column
        if (file, problem.what) in absent:
            continue
        if problem.code < "FP100":  # of YAML itself, which knows how it is written
            yield problem
            continue
        below = lines_of(file)[line:]
        written = lines_of(file)[line - 1][column - 1 :][:_LONGEST] if line <= len(lines[file]) else ""
        hint = (
            _of_marks(problem.code, problem.what, written)
            or _of_code(problem, written)
            or _of_lines(problem, written, below)
        )
        yield problem._replace(hint=hint) if hint else problem


def without_doubts_of_mistakes(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield problems without the doubts about what is told as wrong."""
    wrong = {problem.place for problem in problems if problem.severity == "error"}
    empty = {(problem.place.file, problem.place.line) for problem in problems if _is_of_nothing(problem)}
    for problem in problems:
        nothing = "no value" in problem.what or "without a value" in problem.what
        told = nothing and (problem.place.file, problem.place.line) in empty
        if problem.code != "FP024" or not (told or problem.place in wrong):
            yield problem


def _is_of_nothing(problem: Problem) -> bool:
    """Tell whether a mistake is that there is no value, as a key that is left open has none."""
    return problem.code == "FP112" or (problem.code in ("FP102", "FP109") and problem.what.startswith("the patch for "))


def _glued_key(problem: Problem) -> str:
    glued = _KEY_WITHOUT_VALUE.match(problem.what) if problem.code == "FP112" else None
    return glued[1] if glued else ""


def _of_marks(code: str, what: str, written: str) -> str:
    """Return what to do about a value with a character that only looks right."""
    if written[:1] in ODD_SPACES:
        return f"remove {ODD_SPACES[written[0]]} before it"
    if quoted := _QUOTED.match(written):
        shown = "straight quotes" if _SECRET.search(what) else f'"{quoted[1] or quoted[2] or ""}"'
        return f"write {shown}: {quoted[0][0]} is no quote of YAML"
    if code == "FP335":
        return braced_hint(written)
    if code in _OF_VALUES and "{{" in (value := _value(written)):
        return template_hint(value, quoted=True)
    if (code in _OF_VALUES or code == "FP302") and "$" in written and (hint := shell_hint(_value(written))):
        return hint.replace("${var:", "${env:") if "`redis`" in what else hint
    return _of_other_marks(code, what, written) if code in _OF_VALUES else ""


def _of_other_marks(code: str, what: str, written: str) -> str:
    """Return what to do about a value with a mark of other languages, or of texts."""
    if bullet := _BULLET.fullmatch(written):
        return f"write `- {bullet[2]}`: {bullet[1]} begins no item of a list"
    value = _value(written)
    if code not in ("FP103", "FP104") and (dash := _DASH.search(value)):
        return f"write {_DASH.sub('-', value)}: {dash[0]} ({_DASHES[dash[0]]}) is no `-`"
    if _COMMENT.fullmatch(written):
        return "write `#`: what begins with `//` is no comment"
    end = _END.fullmatch(written) if code != "FP105" else None
    return f"remove the `{end[2]}` at its end" if end and f"{end[1]}{end[2]}" in what else ""


def _value(written: str) -> str:
    """Return the value that a rest of a line begins with, if that is a text."""
    if quoted := _IN_QUOTES.match(written):
        return quoted[1] or quoted[2] or ""
    plain = _PLAIN.match(written)
    return plain[0] if plain else ""


def _of_code(problem: Problem, written: str) -> str:
    """Return what to do about a value that lacks something which would make it another one."""
    if problem.code == "FP103":
        return _of_text(problem.what, written)
    if problem.code == "FP112":
        return _of_nothing(problem.what, written)
    if problem.code == "FP303" and (hint := _of_trigger(problem.what, _value(written))):
        return hint
    if hint := _of_key(problem.code, written) or _of_file_name(problem, written):
        return hint
    if problem.code == "FP100":
        return _of_no_mapping(written)
    comment = _GLUED.match(written) if problem.code == "FP105" else None
    return f"write `{comment[1]} #`, with a space before the comment" if comment else ""


def _of_key(code: str, written: str) -> str:
    """Return how to write a key that lacks its colon, or the space behind it."""
    if code in ("FP101", "FP105") and (bare := _BARE.match(written)):
        return f"write `{bare[1]}: {closed(bare[2])}`, with a colon and a space"
    if code == "FP321" and (pair := _PAIR.match(written)):
        return f"write `{pair[1]}: {pair[2]}`"
    glued = _BRACKETS.fullmatch(written) if code == "FP101" else None
    return f"write `{glued[1]}: {glued[2]}`, with a space after the colon" if glued else ""


def _of_file_name(problem: Problem, written: str) -> str:
    """Return how to name a spec that has no name but that of its file, which is none."""
    stem, meant = stem_of(problem.place.file), _MEANT.match(problem.hint)
    is_of_file = problem.code == "FP105" and problem.what.startswith(f"'{stem}' ")
    if not (is_of_file and meant) or written.lstrip("\"'").startswith(stem):
        return ""
    return f"write `name: {meant[1]}` into it, or name the file {meant[1]}.yaml"


def _of_no_mapping(written: str) -> str:
    from flowerpower.specs.suggestions import meant_cron

    if spaced := _LIKE_A_COLON.fullmatch(written):
        return f"write `{spaced[1]}: {spaced[3]}`: {ODD_SPACES[spaced[2]]} is no space"
    if cron := meant_cron(" ".join(written.split()[:5])):
        return f"write `{cron}`, and which `pipeline:` in another line"
    found = _KEY_AND_VALUE.fullmatch(written) or _EQUALS.fullmatch(written)
    return f"write `{found[1]}: {found[2]}`, with a colon and a space in each line" if found else ""


def _of_trigger(what: str, value: str) -> str:
    from flowerpower.specs.suggestions import cron_hint, meant_moment

    if "is not a date or a time" in what:
        return meant_moment(value)
    return cron_hint(value) if "cron" in what or " field `" in what else ""


def _of_lines(problem: Problem, written: str, below: Sequence[str]) -> str:
    """Return what to do about a value that goes on in the next line, where that was not meant."""
    following = below[0] if below else ""
    item, text = following.lstrip(" "), _PLAIN.match(written)
    if not text or problem.code not in _OF_VALUES or not following.startswith(" "):
        return ""
    if item.startswith("-") and item[1:2] not in ("", " ", "-") and item.strip() in problem.what:
        return f"write `- {item[1:].strip()}`, with a space, in the column of the `-` above"
    if item.startswith("- ") and item[2:].strip() in problem.what:
        return f"begin line {problem.place.line + 1} in the column of the `-` above: it goes on with that text"
    if "expected a list, found the text" in problem.what and item and item.strip() in problem.what:
        return "put `- ` before each of its lines"
    return ""


def _of_text(what: str, written: str) -> str:
    if what.startswith("expected a mapping, found the text"):
        found = _KEY_AND_VALUE.fullmatch(written)
        return f"write `{found[1]}: {found[2]}`, with a space after the colon" if found else ""
    if not what.startswith("expected a list, found the text"):
        return ""
    if item := _ITEM.fullmatch(written):
        return f"write `- {item[1]}`, with a space after the `-`"
    items = _ITEMS.fullmatch(written)
    return f"write [{items[1]}]" if items else ""


def _of_nothing(what: str, written: str) -> str:
    if glued := _KEY_WITHOUT_VALUE.match(what):
        return f"write `{glued[1]}: {glued[2]}`, with a space after the colon"
    if _GLUED_COMMENT.match(written):
        shown = "put it in quotes" if _SECRET.search(what) else f'write "{written.strip()[:_SHOWN]}"'
        return f"{shown} if it is the value: what begins with `#` is a comment"
    name = _NAME.fullmatch(written)
    return f'write "{name[1]}" if it is a text: without quotes it is the name of a value' if name else ""
