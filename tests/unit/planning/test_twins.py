"""What another namespace has in common with this one, and when that looks like a former self."""

from __future__ import annotations

import pytest

from flowerpower.planning.twins import Twin, twin_of
from flowerpower.state.keys import Keys
from flowerpower.state.models import Neighbour

OURS = Keys("acme", "prod")
WANTED = {"customers", "nightly", "orders"}


def neighbour(namespace: str, *schedules: str) -> Neighbour:
    project, env = namespace.split(".")
    return Neighbour(project, env, "", "", frozenset(schedules), "a scheduler")


@pytest.mark.parametrize(
    ("namespace", "is_twin"),
    [
        ("bolt.prod", True),  # a project of another name
        ("bolt.staging", False),  # in another environment: nobody can tell
        ("acme.live", True),  # an environment that there is no more
        ("acme.staging", False),
        ("acme.default", False),
    ],
)
def test_what_looks_like_a_former_self_is_a_twin(namespace: str, is_twin: bool) -> None:
    found = twin_of(neighbour(namespace, "orders", "nightly"), OURS, ("default", "staging", "prod"), WANTED)

    assert found == (Twin(namespace, ("nightly", "orders"), True) if is_twin else None)


@pytest.mark.parametrize(
    ("schedules", "is_twin"),
    [
        (["orders"], True),
        (["orders", "other"], False),  # a name that two projects of a repository happen to share
        (["orders", "nightly", "other"], True),
        ([], False),
    ],
)
def test_most_of_what_a_twin_holds_is_wanted_here(schedules: list[str], is_twin: bool) -> None:
    assert bool(twin_of(neighbour("bolt.prod", *schedules), OURS, ("default",), WANTED)) == is_twin
