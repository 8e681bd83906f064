"""The messenger: reads what became of runs and tells those whom the specs name; runs beside the scheduler.

It reads the stream of run events behind everything else, so no run and no tick ever waits for a message. What is to be
sent is decided once, in one step with how far it has read; it is sent at least once, with the same id each time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flowerpower.errors import FlowerPowerError, FormatError
from flowerpower.jobs.absence import Absence
from flowerpower.jobs.events import AT_ONCE, Event, events_after
from flowerpower.jobs.messages.endings import Endings
from flowerpower.jobs.messages.outbox import MOST, Letter, Outbox
from flowerpower.jobs.messages.senders import Senders
from flowerpower.messaging.delivery import Delivery, next_try, place_of
from flowerpower.messaging.health import BAD, GOOD, WELL, Health, Outcome, judge
from flowerpower.messaging.message import Message
from flowerpower.messaging.transports import send
from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.placeholders import fill
from flowerpower.pipelines.secrets import secrets_of
from flowerpower.settings import read_settings
from flowerpower.state.codec import decode_schedule
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

SIGNING_VARIABLE = "FLOWERPOWER_WEBHOOK_SECRET"
LEASE_SECONDS = 60  # longer than all that is sent at one look takes
_INTERVAL = 1.0

logger = logging.getLogger("flowerpower.messenger")


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who wants to hear what of one schedule."""

    on_failure: tuple[str, ...]
    on_success: tuple[str, ...]
    remind: int
    timezone: str
    owner: str
    pipeline: str


class Messenger:
    """Sends the messages of one namespace while it holds the messenger's lease."""

    def __init__(
        self,
        store: Store,
        name: str,
        secrets: Callable[[str], str],
        signing: str = "",
        plugins: Sequence[str] = (),
    ) -> None:
        self.store = store
        self.name = name
        self.outbox = Outbox(store)
        self._secrets = secrets
        self._signing = signing
        self._plugins = tuple(plugins)
        self._senders = Senders(self._deliver)
        self.endings = Endings(store, plugins)
        self._wishes: dict[str, Wishes | None] = {}
        self._generation = b""

    def run(self, stop: threading.Event) -> None:
        """Work until *stop* is set; a Redis that fails is tried again."""
        pause, absence = _INTERVAL, Absence(logger, "messages wait")
        while not stop.wait(pause):
            try:
                self.step()
                absence.over()
                pause = _INTERVAL
            except FlowerPowerError as error:
                if not absence.explains(error):
                    logger.warning("%s; messages wait", error)
                pause = min(pause * 2, 30.0)
            except Exception:
                logger.exception("a message could not be handled; it is tried again")
                pause = min(pause * 2, 30.0)
        self.resign()

    def step(self) -> int:
        """Read what is new, send what is due; return how many messages were sent or given up."""
        if not self._leads():
            return 0
        while self._read() == AT_ONCE:
            pass
        self.endings.step()
        now = self.store.time()
        return sum(self._settle(letter, result, now) for letter, result in self._senders.send(self.outbox.due(now)))

    def _leads(self) -> bool:
        """Take or renew the lease; two at once would send twice, not too little."""
        connection, key = self.store.connection, self.store.keys.messenger
        with redis_errors("taking the messenger's lease"):
            if connection.set(key, self.name, nx=True, ex=LEASE_SECONDS):
                return True
            if connection.get(key) != self.name.encode():
                return False
            return bool(connection.expire(key, LEASE_SECONDS))

    def resign(self) -> None:
        """Give the lease back, so that another messenger need not wait for it to expire."""
        try:
            with redis_errors("giving the messenger's lease back"):
                if self.store.connection.get(self.store.keys.messenger) == self.name.encode():
                    self.store.connection.delete(self.store.keys.messenger)
        except FlowerPowerError as error:
            logger.debug("%s", error)

    def _read(self) -> int:
        """Look at the next events and write down what follows from them; return how many there were."""
        events = events_after(self.store, self.outbox.cursor())
        if not events:
            return 0
        outcomes = [(event.id, outcome) for event in events if (outcome := self._outcome(event))]
        wishes = self._wishes_of({outcome.schedule for _, outcome in outcomes})
        told = [(key, outcome, wish) for key, outcome in outcomes if (wish := wishes.get(outcome.schedule))]
        known = self.outbox.healths(outcome.schedule for _, outcome in outcomes)
        healths = {name: health if wishes.get(name) else WELL for name, health in known.items()}  # nobody looks: forget
        letters: list[Letter] = []
        for key, outcome, wish in told:
            before = healths.get(outcome.schedule, WELL)
            healths[outcome.schedule], more = self._letters(key, outcome, before, wish)
            letters += more
        self.outbox.advance(events[-1].id, healths, self._with_room(letters))
        self.endings.note(events)
        return len(events)

    def _outcome(self, event: Event) -> Outcome | None:
        """Return the outcome an event tells of; None for others, damaged ones, and runs that somebody asked for."""
        text = event.fields
        if text.get("event") not in BAD | GOOD or not text.get("schedule"):
            return None
        parts = self.store.keys.parse_run_id(text.get("job", ""))
        if parts and parts[1].startswith("m"):
            return None
        try:
            return Outcome(
                schedule=text["schedule"],
                status=text["event"],
                tick=int(float(text.get("tick") or 0)),
                at=event.moment,
                run=text.get("job", ""),
                attempt=int(float(text.get("attempt") or 0)),
                reason=text.get("reason", ""),
                commit=text.get("commit", ""),
                duration=float(text.get("duration") or 0),
                count=int(float(text.get("count") or 1)),
            )
        except (ValueError, OverflowError):
            return None

    def _wishes_of(self, names: set[str]) -> Mapping[str, Wishes | None]:
        """Return who is told of these schedules; records are read once for each generation."""
        keys, connection = self.store.keys, self.store.connection
        with redis_errors("reading who is told"):
            generation: Any = connection.hget(keys.head, "generation") or b""
            if generation != self._generation:
                self._wishes, self._generation = {}, generation
            unknown = sorted(names - self._wishes.keys())
            records: Any = connection.hmget(keys.schedules, unknown) if unknown else []
        self._wishes |= {name: _wishes(name, raw) for name, raw in zip(unknown, records, strict=True)}
        return self._wishes

    def _letters(self, key: str, outcome: Outcome, before: Health, wish: Wishes) -> tuple[Health, list[Letter]]:
        after, kind = judge(before, outcome, wish.remind)
        told = before if kind == "recovered" else after
        kinds = [(kind, url) for url in wish.on_failure if kind]
        kinds += [("succeeded", url) for url in wish.on_success if outcome.status in GOOD]
        namespace = self.store.keys.namespace
        letters = []
        for position, (each, url) in enumerate(kinds):
            name = f"{namespace}.{key}.{position}"
            message = Message(name, each, namespace, outcome, told, wish.timezone, wish.owner)
            letters.append(Letter(name, url, message, wish.pipeline))
        return after, letters

    def _with_room(self, letters: list[Letter]) -> list[Letter]:
        """Return what still fits into the outbox, and record what does not."""
        if not letters:
            return letters
        room = max(MOST - self.outbox.waiting(), 0)
        for letter in letters[room:]:
            self.outbox.record(_event(letter, "not notified", f"{MOST} messages wait already"))
        return letters[:room]

    def _deliver(self, letter: Letter) -> Delivery:
        """Send one message; one that cannot be sent at all must not keep the others from being sent."""
        secrets = Secrets(self._secrets)
        try:
            url = self._address(letter, secrets)
            result = send(url, letter.message, secret=self._signing, plugins=self._plugins)
            return replace(result, reason=secrets.mask(result.reason))
        except FlowerPowerError as error:
            return Delivery("retry", f"{error} (where the scheduler runs)")
        except (ValueError, OverflowError, OSError, LookupError) as error:  # a damaged tick or zone
            return Delivery("hopeless", f"its record is damaged: {type(error).__name__}")

    def _address(self, letter: Letter, secrets: Secrets) -> str:
        outcome = letter.message.outcome
        tick = datetime.fromtimestamp(outcome.tick, ZoneInfo(letter.message.timezone))
        context = RunContext(
            tick, tick, outcome.run, outcome.schedule, letter.pipeline, outcome.commit, outcome.attempt, secrets
        )
        return str(fill(letter.url, context, "the address"))

    def _settle(self, letter: Letter, result: Delivery, now: int) -> bool:
        """Write down what came of a message; True when it is over."""
        tries = letter.tries + 1
        again = next_try(tries, result)
        if again is not None:
            logger.info("a message to %s is tried again in %d s: %s", place_of(letter.url), again, result.reason)
            self.outbox.keep(replace(letter, tries=tries, due=now + again))
            return False
        if result.result == "delivered":
            quiet = letter.message.kind == "succeeded"
            self.outbox.close(letter, None if quiet else _event(letter, "notified", letter.message.kind))
            return True
        logger.warning("a message about %s was given up: %s", letter.message.outcome.schedule, result.reason)
        self.outbox.close(letter, _event(letter, "not notified", result.reason))
        return True


def make_messenger(store: Store, name: str, plugins: Sequence[str] = ()) -> Messenger:
    """Return the messenger of this process, which knows the secrets that the process and its plug-ins do."""
    environment = read_settings().environment
    secrets = secrets_of(environment, plugins)
    return Messenger(store, name, secrets, environment.get(SIGNING_VARIABLE, ""), plugins)


def _event(letter: Letter, event: str, reason: str) -> dict[str, Any]:
    outcome = letter.message.outcome
    told = f"{place_of(letter.url)}: {reason}"
    return {"event": event, "schedule": outcome.schedule, "tick": outcome.tick, "reason": told, "job": outcome.run}


def _wishes(name: str, raw: bytes | None) -> Wishes | None:
    if raw is None:
        return None
    try:
        fields: Mapping[str, Any] = decode_schedule(name, raw)[0].fields
        on_failure, on_success = (tuple(map(str, fields.get(key) or ())) for key in ("on_failure", "on_success"))
        if not on_failure and not on_success:
            return None
        return Wishes(
            on_failure,
            on_success,
            int(fields.get("remind") or 0),
            str(fields.get("timezone") or "UTC"),
            str(fields.get("owner") or ""),
            str(fields.get("pipeline") or ""),
        )
    except (FormatError, TypeError, ValueError):
        return None
