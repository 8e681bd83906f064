"""A signature is for one thing, by one key, and nothing else passes for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.errors import UsageError
from flowerpower.state.signing import Signer

KEYS = [f"{letter}" * 32 for letter in "abc"]
texts = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20)


def signer(*keys: str) -> Signer:
    found = Signer.of(" ".join(keys))
    assert found is not None
    return found


@given(texts, texts, texts, texts)
def test_a_spec_is_signed_for_its_namespace_and_digest_and_no_other(
    namespace: str, digest: str, other_namespace: str, other_digest: str
) -> None:
    one = signer(KEYS[0])

    wrong = one.wrong_with_spec(other_namespace, other_digest, one.sign_spec(namespace, digest))

    assert (wrong == "") == ((namespace, digest) == (other_namespace, other_digest))


@given(texts, texts, st.integers(), st.integers())
def test_a_run_is_signed_with_its_tick_and_is_no_spec(run_id: str, digest: str, tick: int, other: int) -> None:
    one = signer(KEYS[0])
    signature = one.sign_run(run_id, digest, tick)

    assert one.wrong_with_run(run_id, digest, tick, signature) == ""
    assert (one.wrong_with_run(run_id, digest, other, signature) == "") == (tick == other)
    assert one.wrong_with_spec(run_id, digest, signature) == "its signature is not for it"


def test_the_first_key_signs_and_each_is_accepted_so_that_keys_can_be_changed() -> None:
    old, both, new = signer(KEYS[0]), signer(KEYS[1], KEYS[0]), signer(KEYS[1])

    assert both.wrong_with_spec("acme.prod", "d", old.sign_spec("acme.prod", "d")) == ""
    assert new.wrong_with_spec("acme.prod", "d", both.sign_spec("acme.prod", "d")) == ""
    assert new.wrong_with_spec("acme.prod", "d", old.sign_spec("acme.prod", "d")).startswith(
        "it is signed with another"
    )


@pytest.mark.parametrize("text", ["1:", "2:" + "a" * 73, "é", "1:00000000:" + "0" * 63, "x" * 100_000])
def test_what_is_no_signature_is_refused(text: str) -> None:
    assert signer(KEYS[0]).wrong_with_spec("acme.prod", "d", text) == "its signature is damaged"
    assert signer(KEYS[0]).wrong_with_spec("acme.prod", "d", None) == "it is not signed"


def test_a_key_that_is_missing_or_weak_is_not_taken_for_none() -> None:
    assert Signer.of(None) is None
    for text in ("", " ,\n", "short", f"{KEYS[0]},short"):
        with pytest.raises(UsageError, match="FLOWERPOWER_SIGNING_KEY"):
            Signer.of(text)


def test_a_key_is_never_shown() -> None:
    assert KEYS[0] not in repr(signer(KEYS[0]))
