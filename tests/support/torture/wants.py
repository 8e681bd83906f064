"""What the applies of a torture want: any number is a whole namespace, and the number is the commit it comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

from flowerpower.state.codec import canonical, digest
from flowerpower.state.desired import RUN_FORMAT
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired, Schedule, Source
from support.states import KEYS, desired, schedule

RULES = {  # schedules that keep their timing, so that each of their ticks is accounted for
    "second": {"every": 1, "overlap": "skip", "catchup": "latest"},
    "all": {"every": 5, "overlap": "buffer_all", "catchup": "all"},
    "newest": {"every": 7, "overlap": "buffer_one", "catchup": "latest"},
    "strict": {"every": 11, "overlap": "allow", "catchup": "none"},
    "eager": {"every": 13, "overlap": "cancel_other", "catchup": "latest"},
    "after": {"every": 6, "overlap": "buffer_one", "catchup": "latest", "after": ["second", "newest"]},
    "last": {"every": 17, "overlap": "skip", "catchup": "all", "after": ["after", "fickle-1"], "start_deadline": 60},
    "minute": {"cron": "* * * * *", "overlap": "allow", "catchup": "all"},
    "nightly": {"cron": "30 1 * * *", "timezone": "Europe/Berlin", "catchup": "latest", "jitter": 20},
}
HOLDABLE = ("second", "newest", "minute")
REST = -1
OTHER = Keys("beta", "test")  # another project in the same Redis, which applies and fires too


def wanted(number: int, keys: Keys = KEYS) -> Desired:
    """Return the namespace of a number; `REST` is one in which nothing is due for weeks."""
    dice = Random(number)
    pairs = []
    for name, rules in RULES.items():
        timing = {"cron": "0 0 29 2 *"} if number == REST else {}
        kept = {key: value for key, value in rules.items() if not timing or key not in ("cron", "every")}
        more = {"queue": dice.choice(["default", "heavy"]), "timeout": dice.choice([60, 61])}
        pairs.append(whole(schedule(name, keys, **{**kept, **timing, **more, "retry": {"max": 1, "intervals": []}})))
    for name in ("fickle-1", "fickle-2", "fickle-3"):
        if number != REST and dice.random() < 0.7:
            every, overlap = dice.choice([2, 6, 30]), dice.choice(["skip", "buffer_one", "allow"])
            pairs.append(whole(schedule(name, keys, every=every, overlap=overlap, retry={"max": 1, "intervals": [3]})))
    return desired(pairs)


def whole(pair: tuple[Schedule, str]) -> tuple[Schedule, str]:
    """Return a schedule whose run spec has all that a worker looks for."""
    known = json.loads(pair[1])
    terms = {name: known["fields"].get(name) for name in ("after", "start_deadline")}
    rest = {"format": RUN_FORMAT, "folders": [], "code": "", "trigger": {"timezone": "UTC"}, "spec": {"modules": []}}
    spec = canonical({**known, **terms, **rest})
    return replace(pair[0], run=digest(spec)), spec


def source(number: int) -> Source:
    """Return the commit of a number."""
    return Source(commit=f"{number + 2:040x}", repository="git.example/acme/data", who="ana")


def number_of(commit: str) -> int:
    """Return the number of a commit."""
    return int(commit, 16) - 2


__all__ = ["HOLDABLE", "KEYS", "OTHER", "REST", "number_of", "source", "wanted"]
