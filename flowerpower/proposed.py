"""Commands that a text proposes, made fit to be pasted: they name the environment and the Redis that it is about."""

from __future__ import annotations

import re
import shlex

# Those that have no environment (`init`, `completion`), or none to speak of, are left as they are.
IN_AN_ENVIRONMENT = (
    *("validate", "render", "plan", "apply", "show", "approved", "drift", "history", "rollback", "status", "runs"),
    *("pause", "resume", "forget", "next", "forecast", "dev", "run", "dag", "trigger", "backfill", "cancel", "rerun"),
    *("worker", "scheduler", "doctor", "adopt", "export", "new pipeline", "new schedule"),
)
_PROPOSED = re.compile(rf"\bflowerpower (?:{'|'.join(IN_AN_ENVIRONMENT)})(?![\w-])(?=([^`\n]*))")
_CLIENT = re.compile(r"\bredis-cli (?!-)")
_OTHERS = re.compile(r"\bflowerpower \w+|;|&&")


def in_env(text: str, env: str) -> str:
    """Return the text with `--env` in each command of flowerpower that has none; *env* may be a namespace.

    It stands right behind the command's name, since nobody can say where in a sentence a command ends.
    """
    env = env.rpartition(".")[2]
    return text if env in ("", "default") else with_flags(text, {"--env": env})


def with_flags(text: str, flags: dict[str, str]) -> str:
    """Return the text with these flags in each command of flowerpower that has them not."""
    if not flags or "flowerpower " not in text:
        return text

    def named(found: re.Match[str]) -> str:
        rest = _OTHERS.split(found[1], maxsplit=1)[0]
        return found[0] + "".join(f" {flag} {value}" for flag, value in flags.items() if f"{flag} " not in f"{rest} ")

    return _PROPOSED.sub(named, text)


def at_redis(text: str, place: str) -> str:
    """Return the text with the address of a Redis in each `redis-cli` that has none; not one that wants a password."""
    scheme, _, rest = place.partition("://")
    if "***" in place or scheme not in ("unix", "redis", "rediss"):
        return text
    address = f"-s {shlex.quote(rest)}" if scheme == "unix" else f"-u {shlex.quote(place)}"
    return _CLIENT.sub(lambda _: f"redis-cli {address} ", text)
