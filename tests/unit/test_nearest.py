"""Whoever slips on a key is offered what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.nearest import nearest

PLAN_FLAGS = (
    *("env", "ref", "var", "redis", "project", "target", "exclude", "format", "out", "json", "concise", "against"),
    *("detailed-exitcode", "timeout", "color", "no-color", "quiet", "verbose", "debug", "help", "allow-empty"),
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("enf", "env"),  # v and f are neighbours
        ("enc", "env"),
        ("evn", "env"),
        ("en", "env"),
        ("envv", "env"),
        ("rfe", "ref"),
        ("reg", "ref"),
        ("taget", "target"),
        ("forrmat", "format"),
        ("ecxlude", "exclude"),
        ("against-rev", "against"),
        ("nothing-like-it", ""),
        ("", ""),
    ],
)
def test_a_slip_leads_to_the_flag_that_was_meant(typed: str, meant: str) -> None:
    assert nearest(typed, PLAN_FLAGS) == meant


def test_what_has_few_letters_in_common_is_not_near() -> None:
    assert nearest("cron", ["region"]) == nearest("label", ["table"]) == ""


def test_a_key_beside_the_right_one_is_likelier_than_one_far_away() -> None:
    assert nearest("salew", ["salep", "sales"]) == nearest("salew", ["sales", "salep"]) == "sales"


@given(
    word=st.permutations("abcdefgh").map(lambda letters: "".join(letters[:5])),
    place=st.integers(0, 3),
    others=st.lists(st.text("vwxyz")),
)
def test_two_swapped_letters_are_found_among_any_other_words(word: str, place: int, others: list[str]) -> None:
    typed = word[:place] + word[place + 1] + word[place] + word[place + 2 :]

    assert nearest(typed, [*others, word]) == word


@given(known=st.lists(st.text(), min_size=1))
def test_a_known_word_is_nearest_to_itself(known: list[str]) -> None:
    assert all(nearest(word, known) == word for word in known)
