"""Plan files: a saved plan with anything in any place, its digests fitting again or not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from support.fuzz.case import Case
from support.fuzz.odd import as_bytes, changed_somewhere, changes, spoils, spoilt

FILE = "plan.json"
COMMANDS = (
    ("show", FILE),
    ("show", FILE, "--json"),
    ("show", FILE, "--format", "markdown"),
    ("show", FILE, "--format", "github"),
    ("apply", FILE, "--auto-approve"),
    ("apply", FILE, "--auto-approve", "--json"),
    ("apply", "--approved", FILE, "--auto-approve"),
    ("plan",),
    ("status", "--json"),
    ("history", "--json"),
    ("drift",),
)


def cases() -> st.SearchStrategy[Case]:
    """Return changes of the saved plan, and commands that read it and what it made."""
    commands = st.lists(st.sampled_from(COMMANDS), min_size=2, max_size=4, unique=True).map(tuple)
    many = st.lists(changes, min_size=1, max_size=3).map(tuple)
    inside = st.builds(
        lambda plan, sealed, commands: Case("plans", commands, plan=plan, sealed=sealed), many, st.booleans(), commands
    )
    raw = st.lists(spoils, min_size=1, max_size=3)
    outside = st.builds(
        lambda how, commands: Case("plans", commands, plan=tuple(("raw", *one) for one in how)), raw, commands
    )  # type: ignore[arg-type,misc]
    return st.one_of(inside, inside, inside, outside)


def changed_plan(raw: bytes, case: Case) -> bytes:
    """Return the bytes of a saved plan with the changes of a case."""
    how = case.plan or ()
    if how and how[0][0] == "raw":
        return as_bytes(spoilt(raw.decode(), [tuple(one[1:]) for one in how]))  # type: ignore[misc]
    tree: Any = json.loads(raw)
    for number, deed, value in how:
        tree = changed_somewhere(tree, number, deed, value)
    text = json.dumps(tree).encode()
    return sealed(text) if case.sealed else text


def sealed(text: bytes) -> bytes:
    """Let the digests of a plan fit what it says, as somebody would who knows how; what is no plan stays as it is."""
    from flowerpower.planning import saved

    try:
        plan = saved._validated(text)
        hashed = replace(plan, plan_hash=saved.plan_hash(plan.plan, plan.overrides))
        document = json.loads(text)
        document["plan_hash"], document["plan_digest"] = hashed.plan_hash, saved._digest(hashed)
        return json.dumps(document).encode()
    except Exception:  # which is the command's to find
        return text
