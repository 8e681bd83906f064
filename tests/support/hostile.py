"""Somebody who can write to Redis and wants a worker to do something: each attack plants what it needs."""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from flowerpower.state.codec import canonical, digest
from flowerpower.state.job_codec import JOB_FUNCTION
from flowerpower.state.keys import Keys
from flowerpower.state.signing import Signer


class Touch:
    """What makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (open, (str(self.file), "w"))


@dataclass(frozen=True)
class Hostile:
    """A writer to the Redis of one namespace, and the folder in which traces of success would lie."""

    connection: Redis
    keys: Keys
    folder: Path
    signer: Signer | None
    port: int  # where a webhook would arrive
    last_tick: int  # of the schedules, which fire every hour

    def harm(self, name: str) -> Path:
        """Return the file that is there once an attack has succeeded."""
        return self.folder / f"harm-{name}"

    def plant(self, job_id: str, call: Any, **fields: Any) -> str:
        """Queue a job that calls something."""
        queue = self.keys.queue("default")
        data = call if isinstance(call, bytes) else json.dumps(call).encode()
        common = {
            "data": data,
            "status": "queued",
            "origin": queue,
            "timeout": 60,
            "created_at": "2026-01-01T00:00:00Z",
        }
        self.connection.hset(self.keys.job(job_id), mapping={**common, **fields})
        self.connection.rpush(self.keys.queue_list(queue), job_id)
        return job_id

    def run(self, hours: int, spec: str, *, of: str = "often", signed: bool = False, **fields: Any) -> str:
        """Queue a run of a schedule for a tick so many hours ago, with a run spec that is put into Redis."""
        found = digest(spec)
        self.connection.hset(self.keys.specs, found, spec)
        if signed and self.signer:
            self.connection.hset(self.keys.signatures, found, self.signer.sign_spec(self.keys.namespace, found))
        job_id = self.keys.run_id(of, self.last_tick - hours * 3600)
        return self.plant(job_id, [JOB_FUNCTION, None, [self.keys.namespace, of, found], {}], **fields)

    def spec(self, of: str = "often", **changed: Any) -> str:
        """Return the applied run spec of a schedule with other values in it; `number` is an input."""
        record = json.loads(self.connection.hget(self.keys.schedules, of))
        found = json.loads(self.connection.hget(self.keys.specs, record["run"]))
        if "number" in changed:
            found["spec"]["inputs"]["number"] = changed.pop("number")
        for name in ("modules",):
            if name in changed:
                found["spec"][name] = changed.pop(name)
        return canonical({**found, **changed})


Attack = Callable[[Hostile, str], str]


def functions(hostile: Hostile, name: str) -> Mapping[str, Attack]:
    """Return the attacks that name a function, or hide code in what is read."""
    harm = hostile.harm(name)
    evil, code = pickle.dumps(Touch(harm)), f"open({str(harm)!r}, 'w')"
    calls_us = [JOB_FUNCTION, None, ["acme.default", "often", "0" * 64], {}]
    system = ["os.system", None, [f"touch {harm}"], {}]
    return {
        "pickle in data": lambda it, me: it.plant(me, evil),
        "compressed pickle in data": lambda it, me: it.plant(me, zlib.compress(evil)),
        "pickle in meta": lambda it, me: it.plant(me, calls_us, meta=evil),
        "pickle as result": lambda it, me: it.plant(me, calls_us, result=evil, exc_info=zlib.compress(evil)),
        "function of the system": lambda it, me: it.plant(me, system),
        "compressed function": lambda it, me: it.plant(me, zlib.compress(json.dumps(system).encode())),
        "builtin": lambda it, me: it.plant(me, ["builtins.eval", None, [code], {}]),
        "method of an instance": lambda it, me: it.plant(me, [JOB_FUNCTION, "x", [code], {}]),
        "our module, another function": lambda it, me: it.plant(me, ["flowerpower.jobs.run.os", None, [], {}]),
        "callback of success": lambda it, me: it.plant(me, calls_us, success_callback_name="this.s"),
        "callback of failure": lambda it, me: it.plant(me, calls_us, failure_callback_name="this.s"),
        "webhook": lambda it, me: it.plant(me, calls_us, webhooks=json.dumps([_webhook(it)])),
        "limit of a rate": lambda it, me: it.plant(me, calls_us, rate_limit_key="x", rate_limit_concurrency="1"),
    }


def damages() -> Mapping[str, Attack]:
    """Return jobs that would end a worker, or use up its memory."""
    deep, bomb = b"[" * 500_000, zlib.compress(b"[" + b"0," * 20_000_000)
    call = [JOB_FUNCTION, None, ["acme.default", "often", "0" * 64], {}]
    return {
        "huge data": lambda it, me: it.plant(me, b"[" + b" " * 20_000_000 + b"]"),
        "data that inflates": lambda it, me: it.plant(me, bomb),
        "traceback that inflates": lambda it, me: it.plant(me, call, exc_info=bomb),
        "deep data": lambda it, me: it.plant(me, deep),
        "deep meta": lambda it, me: it.plant(me, call, meta=deep),
        "meta that is no object": lambda it, me: it.plant(me, call, meta=b"[1]"),
        "huge meta": lambda it, me: it.plant(me, call, meta=b'"' + b"x" * 20_000_000 + b'"'),
        "times that are none": lambda it, me: it.plant(me, call, created_at="soon", timeout="x", ttl="é"),
        "arguments that are none": lambda it, me: it.plant(me, [JOB_FUNCTION, None, {"a": []}, 5]),
    }


def _webhook(hostile: Hostile) -> Mapping[str, Any]:
    return {"url": f"http://127.0.0.1:{hostile.port}/", "job_status": "failed", "method": "POST"}


def foreign_runs() -> Mapping[str, Attack]:
    """Return runs that were never applied like that: workers with a key refuse them; `number` tells them apart."""
    other = Signer((b"x" * 40,))

    def signed_by_other(it: Hostile, me: str) -> str:
        spec = it.spec(number=1003)
        it.connection.hset(it.keys.signatures, digest(spec), other.sign_spec(it.keys.namespace, digest(spec)))
        return it.run(3, spec)

    def by_hand(it: Hostile, me: str) -> str:
        spec = it.spec(number=21)
        found = digest(spec)
        call = [JOB_FUNCTION, None, [it.keys.namespace, "often", found], {}]
        return it.plant(it.keys.run_id("often", "m0123"), call, meta=json.dumps({"tick": "2001-01-01T00:00:00+00:00"}))

    return {
        "a spec of their own": lambda it, me: it.run(1, it.spec(number=1001)),
        "a signature of another spec": lambda it, me: _with_signature_of(it, 2, it.spec(), it.spec(number=1002)),
        "a signature by another key": signed_by_other,
        "a signature that is damaged": lambda it, me: _signed(it, 4, it.spec(number=1004), "1:0:0"),
        "a tick that is none": lambda it, me: _shifted(it, 17),
        "a tick to come": lambda it, me: it.run(-24, it.spec()),
        "a run by hand": by_hand,
        "a run by hand as signed for a tick": lambda it, me: _with_signature_of(it, 6, it.spec(), it.spec(number=1006)),
    }


def misplaced_runs() -> Mapping[str, Attack]:
    """Return runs that no worker runs, whether it has a key or not."""
    return {
        "an altered spec": lambda it, me: _altered(it, 10),
        "a spec of another schedule": lambda it, me: it.run(11, it.spec("other"), signed=True),
        "a spec of another environment": lambda it, me: it.run(12, it.spec(namespace="acme.prod"), signed=True),
        "a folder outside": lambda it, me: it.run(13, it.spec(folders=["../outside"]), signed=True),
        "an absolute folder": lambda it, me: it.run(14, it.spec(folders=[str(it.folder / "outside")]), signed=True),
        "a folder of no modules": lambda it, me: it.run(15, it.spec(folders=["out"]), signed=True),
        "a path as module": lambda it, me: it.run(16, it.spec(modules=["../outside/evil"]), signed=True),
        "a module above": lambda it, me: it.run(18, it.spec(modules=["..evil"]), signed=True),
        "a spec that is no object": lambda it, me: it.run(19, "[]", signed=True),
        "a spec without an end": lambda it, me: it.run(20, "[" * 100_000, signed=True),
        "a spec with parts missing": lambda it, me: it.run(
            21, canonical({"namespace": it.keys.namespace, "schedule": "often"}), signed=True
        ),
        "a run of another project": lambda it, me: it.plant(
            "evil--default--often--1", [JOB_FUNCTION, None, ["evil.default", "often", digest(it.spec())], {}]
        ),
    }


def _signed(it: Hostile, hours: int, spec: str, signature: str) -> str:
    it.connection.hset(it.keys.signatures, digest(spec), signature)
    return it.run(hours, spec)


def _with_signature_of(it: Hostile, hours: int, real: str, spec: str) -> str:
    signature = it.connection.hget(it.keys.signatures, digest(real)) or b""
    return _signed(it, hours, spec, signature.decode())


def _shifted(it: Hostile, seconds: int) -> str:
    call = [JOB_FUNCTION, None, [it.keys.namespace, "often", digest(it.spec())], {}]
    return it.plant(it.keys.run_id("often", it.last_tick - 5 * 3600 + seconds), call)


def _altered(it: Hostile, hours: int) -> str:
    spec = it.spec(number=1010)
    job = it.run(hours, spec, signed=True)
    it.connection.hset(it.keys.specs, digest(spec), spec.replace("1010", "1011"))
    return job
