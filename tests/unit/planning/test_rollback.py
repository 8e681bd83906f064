"""Which commits stay refused after a rollback; the rest of it is tried on a real Redis (tests/live)."""

from __future__ import annotations

import pytest

from flowerpower.planning.rollback import still_rolled_back
from flowerpower.state.models import Head

HEAD = Head(commit="good", rolled_back=("worst", "worse+dirty", "bad"))


@pytest.mark.parametrize(
    ("commit", "undone", "kept"),
    [
        ("good", False, HEAD.rolled_back),  # what is in force lifts nothing, however often it is applied
        ("good+dirty", False, HEAD.rolled_back),
        ("fixed", False, ()),
        ("unknown", None, ()),  # applied on purpose
        ("older-than-all", True, HEAD.rolled_back),
        ("bad", True, ("worst", "worse+dirty")),
        ("worse", True, ("worst",)),
        ("worst+dirty", True, ()),
    ],
)
def test_what_is_applied_lifts_itself_and_what_comes_before_it(
    commit: str, undone: bool | None, kept: tuple[str, ...]
) -> None:
    assert still_rolled_back(HEAD, commit, undone=undone) == kept
