"""What a message says: to people in a few lines, to programs as a CloudEvent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flowerpower.messaging.health import Health, Kind, Outcome
from flowerpower.proposed import in_env

_VERBS = {
    "failed": "fails",
    "failing": "still fails",
    "recovered": "is well again",
    "succeeded": "succeeded",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `id` is the same however often it has to be sent."""

    id: str
    kind: Kind
    namespace: str
    outcome: Outcome
    health: Health  # before a recovery, else after the outcome
    timezone: str = "UTC"
    owner: str = ""

    @property
    def title(self) -> str:
        """A line for people."""
        return f"{self.namespace}: {printable(self.outcome.schedule)} {_VERBS[self.kind]}"

    @property
    def text(self) -> str:
        """The lines below the title."""
        outcome = self.outcome
        lines = [f"{self._tick}: {self._what}"]
        if self.kind in ("failing", "recovered"):
            times = "once" if self.health.count == 1 else f"{self.health.count} times"
            lines.append(f"It failed {times} since {self._local(self.health.since)}.")
        if self.owner:
            lines.append(f"Owner: {printable(self.owner)}")
        if outcome.run:
            lines.append(in_env(f"flowerpower runs --job {outcome.run}", self.namespace))
        return "\n".join(lines)

    @property
    def _tick(self) -> str:
        if self.outcome.count > 1:
            return f"{self.outcome.count} ticks up to {self._local(self.outcome.tick)}"
        return self._local(self.outcome.tick)

    @property
    def _what(self) -> str:
        outcome = self.outcome
        attempt = f" in attempt {outcome.attempt}" if outcome.attempt > 1 else ""
        commit = f" at commit {printable(outcome.commit)[:12]}" if outcome.commit else ""
        reason = f": {printable(outcome.reason)}" if outcome.reason else ""
        return f"{outcome.status}{attempt}{commit}{reason}"

    def _local(self, epoch: int) -> str:
        return f"{datetime.fromtimestamp(epoch, ZoneInfo(self.timezone)):%Y-%m-%d %H:%M:%S} {self.timezone}"

    def cloud_event(self) -> dict[str, Any]:
        """Return the message as a CloudEvent 1.0 in its JSON form."""
        outcome = self.outcome
        data: dict[str, Any] = {
            "namespace": self.namespace,
            "kind": self.kind,
            **asdict(outcome),
            "tick": _iso(outcome.tick),
            "at": _iso(outcome.at),
            "failing_since": _iso(self.health.since) if self.health.since else None,
            "failures": self.health.count,
            "owner": self.owner,
            "title": self.title,
            "text": self.text,
        }
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/flowerpower/{self.namespace}",
            "type": f"flowerpower.schedule.{self.kind}",
            "subject": outcome.schedule,
            "time": _iso(outcome.at),
            "datacontenttype": "application/json",
            "data": data,
        }


def printable(text: str) -> str:
    """Return a text without what could forge lines, colours or direction."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _iso(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
