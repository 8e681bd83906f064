from __future__ import annotations

from time import process_time

import pytest
import yaml as pyyaml

from flowerpower.specs.files.reading import MAX_SPEC_BYTES
from flowerpower.specs.loader import load
from flowerpower.specs.silence import wrong_comments
from flowerpower.specs.text import composer
from flowerpower.specs.text.documents import MAX_PROBLEMS
from flowerpower.specs.text.yaml import find, parse


def data(text: str) -> object:
    parsed = parse("x.yaml", text.encode())
    assert parsed.problems == ()
    return parsed.documents[0].data


def codes(content: bytes) -> list[str]:
    return [problem.code for problem in parse("x.yaml", content).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30:00", "12:30:00"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2026-01-01", "2026-01-01"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-1", -1),
        ("+1", 1),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("Null", None),
        ('"1"', "1"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("=", "="),
        ("-", [None]),
        (".", "."),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert data(f"a:\n  {text}\n") == {"a": value}


def test_aliases_stand_for_their_value() -> None:
    assert data("a: &x {b: [1]}\nc: *x\nd: &y 5\ne: [*y]\n") == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 5, "e": [5]}


def test_each_document_of_a_file_is_read() -> None:
    parsed = parse("x.yaml", b"---\na: 1\n---\n# c\nb: 2\n...\n")

    assert [(document.line, document.data) for document in parsed.documents] == [(2, {"a": 1}), (5, {"b": 2})]


def test_places_of_keys_and_values_count_characters_from_one() -> None:
    content = "ä: {ö: [x, yy]}\r\nb:\r\n  - c: 1\r\n    d: 2\r\n".encode()

    assert str(find("x.yaml", 0, content, ("ä", "ö", 1))[0]) == "x.yaml:1:12"
    assert str(find("x.yaml", 0, content, ("b", 0, "d"))[0]) == "x.yaml:4:8"
    assert str(find("x.yaml", 0, content, ("b", 0, "d"), key=True)[0]) == "x.yaml:4:5"
    assert find("x.yaml", 0, content, ("b", 0, "nothing"))[1] == 2


def test_a_tag_anchor_or_merge_on_a_key_is_noticed() -> None:
    assert codes(b"!foo a: 1\n") == ["FP012"]
    assert codes(b"&x a: *x\n") == []
    assert codes(b"? {a: 1}\n: 2\n") == ["FP017"]
    assert codes(b"a: 1\n!!str a: 2\n") == ["FP011"]


def test_a_byte_order_mark_is_only_a_warning() -> None:
    parsed = parse("x.yaml", b"\xef\xbb\xbfa: 1\n")

    assert [(problem.code, problem.severity) for problem in parsed.problems] == [("FP004", "warning")]
    assert parsed.documents[0].data == {"a": 1}
    assert parsed.documents[0].sound


def test_bytes_that_are_not_utf_8_are_shown_with_their_place() -> None:
    problem = parse("x.yaml", "a: ä\nb: ".encode() + b"\xff\n").problems[0]

    assert (problem.code, str(problem.place)) == ("FP003", "x.yaml:2:4")
    assert codes("a: 1".encode("utf-16")) == ["FP003"]


def test_a_merge_conflict_is_named_as_such() -> None:
    content = b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n"

    assert str(parse("x.yaml", content).problems[0]).startswith("x.yaml:2:1: FP007")


def test_a_file_larger_than_the_limit_is_not_parsed() -> None:
    assert codes(b"a" * (MAX_SPEC_BYTES + 1)) == ["FP002"]
    assert codes(b"a: " + b"b" * (MAX_SPEC_BYTES - 3)) == []


def test_bounds_hold_for_files_of_many_values() -> None:
    assert codes(b"a: [" + b"1," * 200_000 + b"]") == ["FP014"]
    assert codes(b"[" * 100_000) == ["FP015"]
    assert codes(b"a: &a [[[[x]]]]\n" + b"b: " + b"[" * 61 + b"*a" + b"]" * 61) == ["FP015"]


@pytest.mark.parametrize("line", [b"a: 1\n", b"--- a\n", b"k%d: 1\n", b"k%d: ${var:x}\n", b"--- {a: 1}\n"])
def test_a_file_full_of_mistakes_is_told_briefly_and_quickly(line: bytes) -> None:
    count = 900_000 // (len(line) + 4)
    content = b"".join(line % number if b"%d" in line else line for number in range(count))
    texts = {"flowerpower.yaml": b"name: acme\n", "schedules/a.yaml": content}

    problems = load(texts, env="default", variables={}).problems

    assert MAX_PROBLEMS < len(problems) <= MAX_PROBLEMS + 2  # the bound on values may be passed too
    assert [problem.code for problem in problems].count("FP020") == 1


@pytest.mark.parametrize(
    "text",
    [
        "a: 'x\n" + "b: [1, 2]\n" * 90_000,
        "a: [x\n" + "b: [1, 2]\n" * 90_000,
        "- {\n" * 220_000,
        "- @x\n" * 180_000,
        "a: '" + "'\n".join("b" * 300_000),
        "a: x\n" + "no key\n" * 130_000,
        "a" + " " * 900_000 + "b: @x",
        "a: " + "&a " * 300_000 + "*b c: d",
        "a: {" + "b: c, " * 10_000 + "d: " + ", " * 400_000,
        "a: \x07\n" * 180_000,
        'a: "' + "\\n" * 400_000 + '\\q"\n',
    ],
    ids=lambda text: repr(text[:8]),
)
def test_a_large_file_that_is_no_yaml_takes_seconds_and_its_messages_are_short(text: str) -> None:
    before = process_time()

    problems = parse("schedules/a.yaml", text.encode()).problems

    assert process_time() - before < 10  # where nothing else runs, less than two
    assert problems
    assert max(len(str(problem)) for problem in problems) < 500


@pytest.mark.parametrize("line", [b"# flowerpower: x\n", b"a%d: '#' # flowerpower: x\n"])
def test_a_file_full_of_comments_is_read_in_one_pass(line: bytes) -> None:
    content = b"".join(line % number if b"%d" in line else line for number in range(20_000))

    assert len(wrong_comments({"schedules/a.yaml": content})) == 20_000


def test_without_libyaml_the_pure_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a: &x [1, 'zwei', no]\nb: {c: *x}\n"
    quick = parse("x.yaml", content)

    monkeypatch.setattr(composer, "_PARSER", pyyaml.BaseLoader)

    assert parse("x.yaml", content) == quick
    assert codes(b"a:\n\t- b\n") == ["FP010"]
    assert codes(b"a: \x07\n") == ["FP010"]


@pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000, "0o" + "7" * 5_000])
def test_an_integer_that_python_cannot_write_out_is_a_problem(number: str) -> None:
    parsed = parse("a.yaml", f"inputs: {{a: {number}}}\n".encode())

    assert [problem.code for problem in parsed.problems] == ["FP019"]


@pytest.mark.parametrize("content", [b"\ta: 1\n", b"a: 1\n\tb: 2\n", b"a:\n\t- b\n"])
def test_a_tab_is_told_by_its_cure(content: bytes) -> None:
    problem = parse("x.yaml", content).problems[0]

    assert "tab" in problem.what
    assert problem.hint == "use spaces"


def test_an_empty_item_is_told_by_the_name_of_its_list() -> None:
    texts = {"flowerpower.yaml": b"name: acme\n", "pipelines/p.yaml": b"modules: ['']\noutputs: [a]\n"}

    problems = load(texts, env="default", variables={}).problems

    assert "an item of 'modules' is empty" in [problem.what for problem in problems]


def test_no_value_has_the_places_of_one_that_was_thrown_away() -> None:
    block = "queues: {default: {}, heavy: {workers: 2}}\n"
    others = "".join(f"k{number}: {{a: {{b: {{}}, c: [1]}}}}\n" for number in range(20))
    text = f"{block}{block}{others}".encode()

    found = {key: find("x.yaml", 0, text, (key, "default", "gone"))[1] for key in ("queues", "k0", "k1", "k2", "k19")}

    assert found == {"queues": 2, "k0": 1, "k1": 1, "k2": 1, "k19": 1}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a: 1\rb: \x07\r", (2, 4)),
        (b"a: 1\rb: \xff\r", (2, 4)),
        (b"\xef\xbb\xbfa: \xff", (1, 4)),
        (b"a: 1\r\n\xc3\xa9: \xff", (2, 4)),
    ],
)
def test_what_cannot_be_read_is_found_whatever_ends_a_line(content: bytes, place: tuple[int, int]) -> None:
    (problem,) = (problem for problem in parse("x.yaml", content).problems if problem.severity == "error")

    assert (problem.place.line, problem.place.column) == place
