"""Values put into a file are what it then says; its comments, and all other values, are as they were."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowerpower.render.specs import spec_yaml
from flowerpower.specs.layout.patch import with_values
from flowerpower.specs.text.yaml import parse

KEYS = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.sampled_from(
    ["x", "no", "1e3", "* * * * *", "a: b", "#", "", "2027-01-01", "a\nb\n", "ü", "${tick}", "0x1F", "~"]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([1.5, 1e300]) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
SPECS = st.dictionaries(KEYS, VALUES, min_size=1)


def data(text: str) -> Any:
    parsed = parse("x.yaml", text.encode())
    assert not parsed.problems, (text, parsed.problems)
    return parsed.documents[0].data


@given(old=SPECS, new=SPECS, names=st.sets(KEYS))
def test_the_named_values_are_the_new_ones_and_the_others_the_old(
    old: dict[str, Any], new: dict[str, Any], names: set[str]
) -> None:
    expected = {key: value for key, value in old.items() if key not in names}
    expected |= {key: value for key, value in new.items() if key in names}
    if not expected:
        return

    text = with_values(spec_yaml(old), new, names)

    assert json.dumps(data(text), sort_keys=True) == json.dumps(expected, sort_keys=True)


@given(values=SPECS, name=KEYS, new=LEAVES)
def test_comments_stay_where_they_are(values: dict[str, Any], name: str, new: Any) -> None:
    lines = spec_yaml(
        {key: value for key, value in values.items() if not isinstance(value, dict | list | str)} | {"z": 1}
    )
    commented = "# on top\n" + "".join(
        f"{line} # of {line.partition(':')[0]}\n# below\n" for line in lines.splitlines()
    )

    text = with_values(commented, {name: new}, [name] if f"\n{name}:" in commented and new is not None else [])

    for line in commented.splitlines():
        assert line.partition("#")[2] in text


def test_a_text_that_is_not_changed_is_the_same_text() -> None:
    for text in ("# c\na: {b: 1}  # x\nc:\n  - 1 # one\n\n  - two\n", "a:\n- 1\n- 2\n", "---\na: 'x' # y\n"):
        assert with_values(text, {}, []) == text
