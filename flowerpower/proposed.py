"""Commands that a text proposes, made fit to be pasted: they name the environment and the Redis that it is about."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

# Those that have no environment (`init`, `completion`), or none to speak of, are left as they are.
IN_AN_ENVIRONMENT = (
    *("validate", "render", "plan", "apply", "show", "approved", "drift", "history", "rollback", "status", "runs"),
    *("pause", "resume", "forget", "next", "forecast", "dev", "run", "dag", "trigger", "backfill", "cancel", "rerun"),
    *("worker", "scheduler", "doctor", "adopt", "export", "new pipeline", "new schedule"),
)
# Those that run modules or write files: of a project at a URL somebody has a copy, and starts them there.
_IN_A_FOLDER = (" worker", " run", " dev", " adopt", " new pipeline", " new schedule")
_PROPOSED = re.compile(rf"\bflowerpower (?:{'|'.join(IN_AN_ENVIRONMENT)})(?![\w-])(?=([^`\n]*))")
_CLIENT = re.compile(r"\bredis-cli (?!-)")
_URL = re.compile(r"([a-z][a-z0-9+.-]{0,20})://(.*)", re.DOTALL)
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
        fitting = dict(flags)
        if "://" in fitting.get("--project", "") and found[0].endswith(_IN_A_FOLDER):
            del fitting["--project"]
        return found[0] + "".join(f" {flag} {value}" for flag, value in fitting.items() if f"{flag} " not in f"{rest} ")

    return _PROPOSED.sub(named, text)


def without_secrets(url: str) -> str:
    """Return the URL of a Redis with `***` for the user and for each password; nothing where nobody can tell them."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return ""
    user, at, place = parts[2].rpartition("@")
    place, asked, query = place.partition("?")
    if "?" in user:  # an @ in the query, perhaps in a password
        return ""
    query = re.sub(r"(?i)(password|username)=[^&]*", r"\1=***", query)
    return f"{parts[1]}://{'***@' if at else ''}{place}{asked}{query}"


def at_redis(text: str, place: str) -> str:
    """Return the text with the address of a Redis in each `redis-cli` that has none, without user and password."""
    scheme, _, rest = place.partition("://")
    if scheme not in ("unix", "redis", "rediss"):
        return text
    rest, _, query = rest.removeprefix("***@").partition("?")
    number = re.search(r"(?:^|&)db=(\d+)", query)
    database = f" -n {number[1]}" if number else ""
    address = f"-s {shlex.quote(rest)}" if scheme == "unix" else f"-u {shlex.quote(f'{scheme}://{rest}')}"
    return _CLIENT.sub(lambda _: f"redis-cli {address}{database} ", text)
