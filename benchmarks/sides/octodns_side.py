"""octoDNS: plan as many DNS records as the world has schedules. Usage: plan REDIS_URL WORLD.

Both what is wanted and what is live are YAML files, one for each record, so there is no server to ask: less work than
flowerpower does. Runs in the peers' environment.
"""

from __future__ import annotations

import json
import logging
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from octodns.manager import Manager  # type: ignore[import-not-found]
from octodns.processor.base import BaseProcessor  # type: ignore[import-not-found]

from benchmarks.samples import Sample, print_samples, watch

_SAME, _OTHER = "bench.example.", "other.example."
_FILES = {"class": "octodns.provider.yaml.YamlProvider", "split_extension": ".", "disable_zonefile": True}
_ZONE = {"sources": ["wanted"], "targets": ["live"], "processors": ["counter"]}


class Counter(BaseProcessor):  # type: ignore[misc]
    """Counts the records that reach the comparison on both sides."""

    count = 0

    def process_source_and_target_zones(self, desired: Any, existing: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Count and change nothing."""
        self.count += min(len(desired.records), len(existing.records))
        return desired, existing


def plan(world: Path) -> dict[str, Sample]:
    """Plan with nothing changed, but for one record of a zone of its own: it proves that values are compared."""
    logging.basicConfig(level=logging.ERROR)  # it warns of zones without name servers
    folder = world / "octodns"
    if not folder.exists():
        _write(folder, len(json.loads((world / "jobs.json").read_text())))
    found, counter = StringIO(), Counter("counter")
    with watch() as planning:
        manager = Manager(str(folder / "config.yaml"))
        manager.processors["counter"] = counter
        manager.sync(plan_output_fh=found)
    changes = {zone: len(one["changes"]) for zone, one in json.loads(found.getvalue())["live"].items()}
    assert changes == {_OTHER: 1}, f"planned {changes}"
    return {"all of it": planning.sample(counter.count)}


def _write(folder: Path, records: int) -> None:
    """Write so many records, wanted and live, that differ in the last one only."""
    for side in ("wanted", "live"):
        for zone in (_SAME, _OTHER):
            (folder / side / zone).mkdir(parents=True)
        for number in range(records - 1):
            _write_record(folder / side / _SAME, f"record-{number:05}", number)
        _write_record(folder / side / _OTHER, "changed", len(side))
    config = {
        "providers": {side: {**_FILES, "directory": str(folder / side)} for side in ("wanted", "live")},
        "zones": dict.fromkeys((_SAME, _OTHER), _ZONE),
        "manager": {"plan_outputs": {"json": {"class": "octodns.provider.plan.PlanJson"}}},
        "processors": {},
    }
    (folder / "config.yaml").write_text(json.dumps(config))


def _write_record(folder: Path, name: str, number: int) -> None:
    values = [f"192.0.2.{number % 250 + 1}", f"198.51.100.{number % 7 + 1}"]
    (folder / f"{name}.yaml").write_text(f"{name}:\n  ttl: 300\n  type: A\n  values: [{', '.join(sorted(values))}]\n")


if __name__ == "__main__":
    print_samples(plan(Path(sys.argv[3])))
