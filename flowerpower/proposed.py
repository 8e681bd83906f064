"""Commands that a text proposes, made fit to be pasted: they name the environment, project and Redis it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Those that have no environment (`init`, `completion`), or none to speak of, are left as they are.
IN_AN_ENVIRONMENT = (
    *("validate", "render", "plan", "apply", "show", "approved", "drift", "history", "rollback", "status", "runs"),
    *("pause", "resume", "forget", "next", "forecast", "dev", "run", "dag", "trigger", "backfill", "cancel", "rerun"),
    *("worker", "scheduler", "doctor", "adopt", "export", "new pipeline", "new schedule"),
)
_PROPOSED = re.compile(rf"\bflowerpower (?:{'|'.join(IN_AN_ENVIRONMENT)})(?![\w-])(?=([^`\n]*))")
_OTHERS = re.compile(r"\bflowerpower \w+|;|&&")


def in_env(text: str, env: str) -> str:
    """Return the text with `--env` in each command of flowerpower that has none; *env* may be a namespace.

    It stands right behind the command's name, since nobody can say where in a sentence a command ends.
    """
    env = env.rpartition(".")[2]
    return text if env in ("", "default") else with_flags(text, {"--env": env})


def with_flags(text: str, flags: Mapping[str, str]) -> str:
    """Return the text with these flags in each command of flowerpower that has them not."""
    if not flags or "flowerpower " not in text:
        return text

    def named(found: re.Match[str]) -> str:
        rest = _OTHERS.split(found[1], maxsplit=1)[0]
        return found[0] + "".join(f" {flag} {value}" for flag, value in flags.items() if f"{flag} " not in f"{rest} ")

    return _PROPOSED.sub(named, text)
