"""Signatures on what workers run, so that being able to write to Redis is not being able to choose what runs.

Pure: keys arrive as texts. The first of several keys signs, each of them is accepted, so that keys can be changed while
everything runs. A signature reads `1:<key id>:<HMAC-SHA256>`; the id tells keys apart and tells nothing of the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from flowerpower.errors import UsageError

VARIABLE = "FLOWERPOWER_SIGNING_KEY"
_SHORTEST = 32  # characters
_FORM = re.compile(r"1:([0-9a-f]{8}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with the first of its keys and accepts all of them."""

    keys: Sequence[bytes] = field(repr=False)

    @classmethod
    def of(cls, text: str | None) -> Signer | None:
        """Return the signer for the text of a variable: keys parted by blanks or commas; None if it is not set.

        Raises `UsageError` for one that is set to nothing, or to a key that could be guessed.
        """
        if text is None:
            return None
        keys = [key.encode() for key in re.split(r"[\s,]+", text) if key]
        if not keys:
            raise UsageError(f"{VARIABLE} is set but empty", hint="give it a key, or unset it")
        if any(len(key) < _SHORTEST for key in keys):
            raise UsageError(
                f"a key in {VARIABLE} has fewer than {_SHORTEST} characters",
                hint="make one: openssl rand -hex 32",
            )
        return cls(tuple(keys))

    def sign_spec(self, namespace: str, digest: str) -> str:
        """Return the signature that makes a run spec, named by its digest, one that workers run."""
        return _signature(self.keys[0], _spec(namespace, digest))

    def sign_run(self, run_id: str, digest: str, tick: int) -> str:
        """Return the signature for one run by hand: its id, its run spec, its tick."""
        return _signature(self.keys[0], _run(run_id, digest, tick))

    def wrong_with_spec(self, namespace: str, digest: str, signature: str | None) -> str:
        """Return why a run spec is not to be run, nothing if it is."""
        return self._wrong(_spec(namespace, digest), signature)

    def wrong_with_run(self, run_id: str, digest: str, tick: int, signature: str | None) -> str:
        """Return why a run by hand is not to be run, nothing if it is."""
        return self._wrong(_run(run_id, digest, tick), signature)

    def _wrong(self, message: bytes, signature: str | None) -> str:
        if not signature:
            return "it is not signed"
        match = _FORM.fullmatch(signature)
        if match is None:
            return "its signature is damaged"
        if any(hmac.compare_digest(_signature(key, message), signature) for key in self.keys):
            return ""
        if match[1] in map(_key_id, self.keys):
            return "its signature is not for it"
        return f"it is signed with another key (id {match[1]})"


def _spec(namespace: str, digest: str) -> bytes:
    return f"flowerpower run spec\n{namespace}\n{digest}\n".encode()


def _run(run_id: str, digest: str, tick: int) -> bytes:
    return f"flowerpower run\n{run_id}\n{digest}\n{tick}\n".encode()


def _signature(key: bytes, message: bytes) -> str:
    return f"1:{_key_id(key)}:{hmac.new(key, message, hashlib.sha256).hexdigest()}"


def _key_id(key: bytes) -> str:
    return hmac.new(key, b"flowerpower key id", hashlib.sha256).hexdigest()[:8]
