"""Values and texts that people, programs and disks come up with, and ways to spoil a text."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.spec_strategies import ODD, changed_at

LONG = 200_000
DEEP = 3_000


def _nested(depth: int, inner: Any, key: str | None) -> Any:
    for _ in range(depth):
        inner = [inner] if key is None else {key: inner}
    return inner


TEXTS = (
    *("", " ", "-", "--", "=", "a=b", "~", "null", "0", "-1", "1e999", "9" * 400, "0x1f", "1_000", "nan", "١٢", "²"),
    *("ß", "日本", "e\u0301" * 40, "\u202e", "\ufeff", "\ud800", "\udcff", "\x00", "\x1b[31m", "\u2028", "\r\n", "\t"),
    *(
        "${",
        "${}",
        "${var:}",
        "${tick",
        "${tick:%}",
        "${tick:%Q%",
        "${var:A:-${var:B:-${var:C}}}",
        "$" * 50,
        "${run.x}",
    ),
    *("* * * * * *", "0 0 31 2 *", "*/0 * * * *", "0 0 * * 8", "60 * * * *", "@yearly", "L * L * L", "1-0 * * * *"),
    *("0d", "1s1s", "999999999999d", "-1h", "1.5h", "PT1H", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59"),
    *("2026-03-29T02:30:00", "2026-01-01T00:00:00+99:00", "../../x", "/etc/passwd", "a/b", ".", "..", "con", "x--y"),
    *("Etc/GMT+99", "europe/berlin", "../UTC", "posixrules", "localtime", "__proto__", "constructor", "%s%n{}", "\\"),
    *("x" * 65_537, "é" * 40_000),
)
VALUES: tuple[Any, ...] = (
    *ODD,
    *(None, True, 0, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -0.0, 1e-320, float("inf"), float("nan")),
    *(
        _nested(60, 1, None),
        _nested(60, 1, "a"),
        [0] * 3_000,
        {str(n): n for n in range(500)},
        [[]],
        {"": ""},
        {"a": None},
    ),
)

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=12), st.text(alphabet="0123456789*/-, @LW#?", max_size=14))
values = st.one_of(st.sampled_from(VALUES), texts)
places = st.integers(0, 100_000)
changes = st.tuples(places, st.sampled_from(("replace", "replace", "replace", "remove", "add", "rename")), values)

PIECES = (
    *(
        "\x00",
        "\ufeff",
        "\udcff",
        "\udcc3",
        "\udced\udca0\udc80",
        "\t",
        "\r",
        "\u2028",
        "\u0085",
        "\x1b",
        "&a ",
        "*a",
        "<<: *a",
    ),
    *(
        "!!python/object/apply:os.system [x]",
        "!!binary aGk=",
        "!!set {a}",
        "? ",
        ": ",
        "- ",
        "[",
        "{",
        "}",
        "]",
        '"',
        "'",
    ),
    *(
        "|\n",
        ">-\n",
        "# flowerpower: ignore\n",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "<<<<<<< ours\n",
        "${",
        "#",
        ",",
        "@",
        "`",
    ),
    *(
        "[" * DEEP,
        "{a: " * DEEP,
        "- " * DEEP,
        "a: &a [*a]",
        "x" * LONG,
        "9" * 5_000,
        "0b1",
        "1e5",
        "12:30:00",
        "=",
        "~",
    ),
    *(
        "\n  ",
        "\n",
        "  ",
        "name: x\n",
        "cron: '* * * * *'\n",
        "every: 1s\n",
        "environments: {default: {}}\n",
        "\\ud800",
        "\\x00",
    ),
)
spoils = st.tuples(
    st.sampled_from(("insert", "insert", "flip", "cut", "truncate", "double", "swap")),
    st.integers(0, 3_000),
    st.integers(0, 255),
    st.sampled_from(PIECES),
)


def changed_somewhere(tree: Any, number: int, how: str, value: Any) -> Any:
    """Return a tree with one place changed: every level of it is as likely as the next, large lists weigh no more."""
    path: list[Any] = []
    here = tree
    while isinstance(here, dict | list) and here:
        number, at = divmod(number, len(here))
        path.append(sorted(here, key=str)[at] if isinstance(here, dict) else at)
        here = here[path[-1]]
        number, stop = divmod(number, 5)
        if stop == 0:
            break
    return changed_at(tree, tuple(path), how, value) if path else tree


def spoilt(text: str, how: list[tuple[str, int, int, str]]) -> str:
    """Return a text of bytes with some of them other than they were."""
    for deed, spot, number, piece in how:
        at = spot % (len(text) + 1)
        if deed == "insert":
            text = text[:at] + piece + text[at:]
        elif deed == "cut":
            text = text[:at] + text[at + number :]
        elif deed == "truncate":
            text = text[:at]
        elif deed == "double":
            text = text[:at] + text[at : at + number] * 2 + text[at + number :]
        elif deed == "swap":
            text = text[:at] + text[at : at + number][::-1] + text[at + number :]
        else:
            text = _flipped(text, at, number)
    return text


def _flipped(text: str, at: int, number: int) -> str:
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    if raw:
        raw[at % len(raw)] ^= number or 1
    return raw.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """Return the bytes that a text stands for; a surrogate that stands for no byte becomes the bytes of CESU-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
