"""Projects of any size, the same bytes every time: pipelines and schedules of 20 to 60 lines, of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

_PROJECT = """\
name: bench
redis: embedded
modules: [flows]
timezone: Europe/Berlin
defaults:
  pipeline: {timeout: 30m}
queues:
  default: {}
  heavy: {workers: 2}
  express: {workers: 4}
environments:
  staging: {schedules: paused}
  prod: {}
policies:
  enforce: {allowed_queues: [default, heavy, express], max_timeout: 12h}
"""
_MODULES = ("common", "sales", "stock", "people", "weather")
_NODES = ("report", "total", "cleaned", "joined", "ranked")
_MOST_VALUES = 14
_ZONES = ("Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney", "America/Lima")
_WORDS = ("region", "currency", "channel", "segment", "warehouse", "brand", "season", "cohort", "sensor", "vendor")
_CONFIGURED = _WORDS[1:]  # `region` is an input
_TEAMS = ("team-sales", "team-stock", "team-hr", "Zoë Müller", "データ班")

Trigger = Callable[[int], Sequence[str]]


def write_project(folder: Path, *, schedules: int, pipelines: int, trigger: Trigger | None = None) -> Path:
    """Write a valid project; `trigger` gives the lines that say when the schedule of a number fires."""
    for name in ("pipelines", "schedules", "flows"):
        (folder / name).mkdir(parents=True)
    (folder / "flowerpower.yaml").write_text(_PROJECT, encoding="utf-8")
    for module in _MODULES:
        (folder / "flows" / f"{module}.py").write_text(module_text(module), encoding="utf-8")
    for number in range(pipelines):
        file = folder / "pipelines" / f"pipeline_{number:05}.yaml"
        file.write_text(pipeline_text(number), encoding="utf-8")
    for number in range(schedules):
        file = folder / "schedules" / f"schedule_{number:05}.yaml"
        lines = (trigger or mixed_trigger)(number)
        file.write_text(schedule_text(number, pipelines, lines), encoding="utf-8")
    return folder


def module_text(module: str) -> str:
    """Return a Hamilton module: a node of what is given, and one of every kind that needs it."""
    imports = "" if module == "common" else "import common\n\n\n"
    values = "".join(f", value_{index}: object = None" for index in range(_MOST_VALUES))
    values += "".join(f', {word}: str = ""' for word in _CONFIGURED)
    given = f'def {module}_given(region: str, day: str{values}) -> dict:\n    return {{"region": region, "day": day}}\n'
    nodes = (
        f"def {module}_{node}({module}_given: dict) -> list:\n"
        f'    """Return {node} of {module}."""\n    return [{module}_given]\n'
        for node in _NODES
    )
    return imports + "\n\n".join([given, *nodes])


def pipeline_text(number: int) -> str:
    """Return the pipeline spec of a number."""
    random = Random(f"pipeline {number}")
    modules = random.sample(_MODULES, random.randint(1, 3))
    lines = [
        f"# Pipeline {number}: made for benchmarks.",
        f"description: Figures for {random.choice(_WORDS)} and {random.choice(_WORDS)}, number {number}.",
        f"owner: {random.choice(_TEAMS)}",
        *_mapping("labels", random, random.randint(1, 4)),
        "modules:",
        *(f"  - {module}" for module in modules),
        f"outputs: [{', '.join(f'{modules[0]}_{node}' for node in random.sample(_NODES, random.randint(1, 3)))}]",
        "inputs:",
        '  region: "EU"',
        '  day: "${tick:%Y-%m-%d}"',
        *_values(random, random.randint(2, 9)),
        *_mapping("config", random, random.randint(1, 4)),
        "save:",
        f"  - outputs: [{modules[-1]}_report]",
        f"    format: {random.choice(('parquet', 'csv', 'json'))}",
        f'    path: "out/{number}/report-${{tick:%Y-%m-%d}}.data"',
        f"timeout: {random.choice(('20m', '1h', '90s', '2h', '1800'))}",
        "retry:",
        f"  max: {random.randint(1, 5)}",
        "  intervals:",
        *(f"    - {pause}" for pause in random.sample(("10s", "1m", "5m", "30s"), random.randint(1, 3))),
        "environments:",
        "  staging:",
        f"    timeout: {random.choice(('1h', '2h'))}",
    ]
    return _text(lines, random)


def schedule_text(number: int, pipelines: int, trigger: Sequence[str]) -> str:
    """Return the schedule spec of a number; its pipeline is one of so many."""
    random = Random(f"schedule {number}")
    catchup = random.choice(("latest", "latest", "none", "all"))
    lines = [
        f"# Schedule {number}: made for benchmarks.",
        f"description: Runs {random.choice(_WORDS)} number {number} when its hour has come.",
        f"pipeline: pipeline_{number % pipelines:05}",
        *trigger,
        f"queue: {random.choice(('default', 'default', 'heavy', 'express'))}",
        f"owner: {random.choice(_TEAMS)}",
        *_mapping("labels", random, random.randint(2, 5)),
        "inputs:",
        f'  region: "{random.choice(("EU", "US", "no", "JP"))}"',
        *_values(random, random.randint(3, 14)),
        *(_mapping("config", random, random.randint(1, 4)) if random.random() < 0.5 else []),
        f"catchup: {catchup}",
        f"catchup_window: {random.choice(('1d', '12h', '2d'))}",
        *(["overlap: allow  # runs are independent"] if catchup == "all" or random.random() < 0.3 else []),
        *(["start_deadline: 30m"] if random.random() < 0.4 else []),
        f"timeout: {random.choice(('20m', '1h', '90s', '2h'))}",
        *(["retry: {max: 3, intervals: [10s, 1m]}"] if random.random() < 0.5 else []),
        f"result_ttl: {random.choice(('1d', '6h', '500'))}",
        "failure_ttl: 30d",
        "environments:",
        "  staging:",
        "    paused: true",
        f"    queue: {random.choice(('default', 'heavy'))}",
    ]
    return _text(lines, random)


def mixed_trigger(number: int) -> list[str]:
    """Return the lines of a trigger of any kind: mostly cron in some zone, else a fixed interval."""
    random = Random(f"trigger {number}")
    if random.random() < 0.2:
        return [f"every: {random.choice(('15m', '1h', '6h', '90s', '1d12h'))}", 'start: "2026-01-01"']
    minute, hour = random.randrange(60), random.randrange(24)
    cron = random.choice(
        (
            f"{minute} {hour} * * *",
            "*/15 * * * *",
            f"{minute} * * * *",
            f"{minute} {hour} * * mon-fri",
            f"{minute} {hour} 1,{random.randint(2, 28)} * *",
            "@daily",
            f"{minute} {hour} * * {random.randrange(7)}",
        )
    )
    return [f'cron: "{cron}"', f"timezone: {random.choice(_ZONES)}"]


def _mapping(name: str, random: Random, size: int) -> list[str]:
    words = _CONFIGURED if name == "config" else _WORDS
    return [f"{name}:", *(f"  {word}: {word}-{random.randint(1, 999)}" for word in random.sample(words, size))]


def _values(random: Random, size: int) -> list[str]:
    """Return lines of a mapping with values of every kind, nested ones included."""
    kinds = (
        lambda: str(random.randint(0, 10**6)),
        lambda: f"{random.random():.4f}",
        lambda: random.choice(("true", "false", "null")),
        lambda: f"'it''s {random.choice(_WORDS)}'",
        lambda: f'"tab\\t{random.choice(_TEAMS)}"',
        lambda: f"[{', '.join(str(random.randint(1, 99)) for _ in range(random.randint(1, 6)))}]",
        lambda: f"{{low: {random.randint(1, 9)}, high: {random.randint(10, 99)}}}",
        lambda: f"|\n    several lines for {random.choice(_WORDS)}\n    and one more",
    )
    return [f"  value_{index}: {random.choice(kinds)()}" for index in range(size)]


def _text(lines: Sequence[str], random: Random) -> str:
    """Return the lines as a text of at least 20 lines, now and then with a comment among them."""
    text = "\n".join(lines).split("\n")
    while len(text) < 20 or (len(text) < 60 and random.random() < 0.3):
        text.insert(1, f"# See the notes of {random.choice(_TEAMS)} on {random.choice(_WORDS)}.")
    return "\n".join([*text, ""])
