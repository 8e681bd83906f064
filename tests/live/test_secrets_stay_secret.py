"""A secret is planted and then searched for: in Redis, in logs and tracebacks, in plans, in files that are left."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import Redis
from support.command_line import FILES, CommandLine, command_line
from support.redis_state import dump_keys

from flowerpower import FlowerPowerProject
from flowerpower.state.signing import VARIABLE

SECRET = 'correct horse/battery"staple é'
SIGNING_KEY = "signing-key-that-nobody-should-ever-see"
PASSWORD = "password-of-the-redis-user"
FORMS = {SECRET, quote(SECRET, safe=""), repr(SECRET)[1:-1], SECRET.replace('"', '\\"'), SECRET.replace("é", "\\u00e9")}
FLOW = """
import logging


class Refused(Exception):
    pass


def doubled(token: str, fail: str) -> dict[str, str]:
    logging.getLogger("flow").warning("connecting")
    try:
        raise ValueError(f"bad token {token}")
    except ValueError as error:
        if fail == "chained":
            raise Refused(f"{{'token': {token!r}}}") from error
        if fail == "exit":
            raise SystemExit(token) from error
    return {"length": str(len(token)), "token": token}
"""
PIPELINE = """
modules: [flow]
outputs: [doubled]
inputs: {fail: "no", token: "${secret:API_TOKEN}"}
save: [{outputs: [doubled], format: json, path: "out/${run.id}.json"}]
"""


@pytest.fixture
def url(redis_connection: Redis, redis_url: str) -> Iterator[str]:
    """Return the URL of a user with a password."""
    redis_connection.execute_command("ACL", "SETUSER", "fred", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    yield redis_url.replace("unix://", f"unix://fred:{PASSWORD}@")
    redis_connection.execute_command("ACL", "DELUSER", "fred")


def test_a_secret_is_nowhere_but_where_it_was_put(redis_connection: Redis, url: str, tmp_path: Path) -> None:
    line = command_line(tmp_path / "acme", url, {**FILES, "pipelines/report.yaml": PIPELINE, "flows/flow.py": FLOW})
    environment = {"API_TOKEN": SECRET, VARIABLE: SIGNING_KEY, "FLOWERPOWER_CACHE_DIR": str(tmp_path / "cache")}
    said = [said_by(line, environment, "plan", "--debug", "--out", str(tmp_path / "plan.json"))]
    said.append(said_by(line, environment, "apply", "--debug", str(tmp_path / "plan.json")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, SIGNING_KEY)
        project = FlowerPowerProject.load(line.folder, redis=url)
    with project:
        runs = [project.jobs.enqueue("report", {"fail": how}) for how in ("no", "chained", "exit")]
    said.append(said_by(line, environment, "worker", "--burst", "--no-scheduler", "--verbose", "--debug"))
    said.append(said_by(line, environment, "run", "report", "--set=fail=chained", "--debug"))
    said.append(repr(runs))

    left = {f"key {key!r}": repr(value) for key, value in dump_keys(redis_connection).items()}
    left |= {
        f"inflated {key!r}": text for key, value in dump_keys(redis_connection).items() for text in inflated(value)
    }
    left |= {f"output {number}": text for number, text in enumerate(said)}
    left |= {str(file): file.read_text(errors="replace") for file in files_below(tmp_path)}
    found = [
        f"{place}: {form}" for place, text in left.items() for form in (*FORMS, SIGNING_KEY, PASSWORD) if form in text
    ]
    saved = str(next((tmp_path / "acme/out").glob("*.json")))
    assert {place.partition(": ")[0] for place in found} == {saved}, "it is found where the run was told to put it"
    assert "***" in said[2], "the worker logs what happened"
    assert sum("Refused" in text for text in left.values()) >= 3, "what failed is told all the same"


def said_by(line: CommandLine, environment: Mapping[str, str], *arguments: str) -> str:
    """Return all that a command prints, tracebacks included."""
    answer = line.process(*arguments, **environment)
    return answer.out + answer.err


def inflated(value: object) -> Iterator[str]:
    """Yield the texts of what is compressed in a value of Redis."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    for part in parts:
        fields = part[1].values() if isinstance(part, tuple) and isinstance(part[1], dict) else [part]
        for raw in (field for field in fields if isinstance(field, bytes)):
            for bits in (15, 31):
                try:
                    yield zlib.decompress(raw, bits).decode(errors="replace")
                except zlib.error:
                    continue


def files_below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)
