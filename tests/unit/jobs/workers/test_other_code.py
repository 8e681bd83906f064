"""What a run says of a worker whose code is not what was applied."""

from __future__ import annotations

import pytest

from flowerpower.jobs.run import other_code_words

CHANGED = "this worker has uncommitted changes in the code of 222222222222, which was applied"
NOT_HERE = "this worker does not have the uncommitted changes to 222222222222 that were applied"


@pytest.mark.parametrize(
    ("here", "applied", "words"),
    [
        ("1" * 40, "2" * 40, "this worker has other code (111111111111) than was applied (222222222222)"),
        ("2" * 40, "2" * 40, CHANGED),
        (f"{'2' * 40}+dirty", "2" * 40, CHANGED),
        ("2" * 40, f"{'2' * 40}+dirty", NOT_HERE),
        (f"{'2' * 40}+dirty", f"{'2' * 40}+dirty", NOT_HERE),
        ("abcdef", "", "this worker has other code (abcdef) than was applied (unknown)"),
    ],
)
def test_the_words_name_both_sides_or_what_was_changed(here: str, applied: str, words: str) -> None:
    assert other_code_words(here, applied) == words
