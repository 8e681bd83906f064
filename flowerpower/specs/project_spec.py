"""The project file as a model, with its nested parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from flowerpower.specs.fields import (
    Activity,
    CodeSource,
    Environments,
    JsonObject,
    Many,
    Name,
    PositiveDuration,
    Share,
    Spec,
    SpecWithEnvironments,
    Text,
    Written,
    choices,
)
from flowerpower.specs.values import kind_of_redis

RequiredField = Annotated[
    Literal["owner", "description", "labels", "timeout", "retry", "start_deadline"],
    choices(
        {
            "owner": "Who looks after it.",
            "description": "What it is for.",
            "labels": "At least one label.",
            "timeout": "A timeout of its own, not the default.",
            "retry": "Retries.",
            "start_deadline": "How long a run may wait for a worker (schedules only).",
        }
    ),
]


class RedisSpec(Spec):
    """A Redis connection that needs more than a URL: Sentinel, TLS files. Exactly one of `url` and `sentinels`."""

    url: Annotated[Text | None, Written] = Field(
        default=None,
        title="URL",
        description="A `rediss://` URL, beside TLS files; user and password go into it as `${env:NAME}`.",
        examples=["rediss://flowerpower:${env:REDIS_PASSWORD}@redis.example:6380/0"],
    )
    sentinels: Many[Text] = Field(
        default=(),
        description="Addresses of the Sentinels, each `host:port`. The first that answers says where the master is.",
        examples=[["sentinel-1.example:26379", "sentinel-2.example:26379"]],
    )
    service: Annotated[Text | None, Written] = Field(
        default=None, description="Name of the service the Sentinels watch.", examples=["main"]
    )
    database: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="Number of the Redis database, from 0 to 65535.", examples=[0]
    )
    username: Annotated[Text | None, Written] = Field(
        default=None,
        title="user",
        description="The user, where Redis has access control lists.",
        examples=["flowerpower"],
    )
    password: Annotated[Text | None, Written] = Field(
        default=None,
        description="The password, as `${env:NAME}`; never write it down here.",
        examples=["${env:REDIS_PASSWORD}"],
    )
    sentinel_username: Annotated[Text | None, Written] = Field(
        default=None, title="Sentinel user", description="Where they ask for one.", examples=["watcher"]
    )
    sentinel_password: Annotated[Text | None, Written] = Field(
        default=None,
        title="Sentinel password",
        description="Where they ask for one. Write `${env:NAME}`, never the password itself.",
        examples=["${env:SENTINEL_PASSWORD}"],
    )
    tls: bool = Field(
        default=False,
        title="TLS",
        description="Encrypt connections to the Sentinels and to Redis. Naming a TLS file means it too.",
        examples=[True],
    )
    tls_ca_file: Annotated[Text | None, Written] = Field(
        default=None,
        title="TLS authorities",
        description="File with the certificate authorities, relative to this file. Without it: those of the system.",
        examples=["tls/ca.pem"],
    )
    tls_cert_file: Annotated[Text | None, Written] = Field(
        default=None,
        title="TLS certificate",
        description="File with our certificate, where the server asks for one.",
        examples=["/run/secrets/client.pem"],
    )
    tls_key_file: Annotated[Text | None, Written] = Field(
        default=None,
        title="TLS key",
        description="File with our private key; it does not belong into git.",
        examples=["/run/secrets/client.key"],
    )


class DefaultsSpec(Spec):
    """What is merged under every spec of a kind."""

    pipeline: JsonObject = Field(
        default_factory=dict,
        title="pipeline defaults",
        description="What every pipeline gets unless it says otherwise. Any key of a pipeline except `name` and "
        "`environments`; null in a pipeline removes a key from here.",
        examples=[{"timeout": "30m"}],
    )
    schedule: JsonObject = Field(
        default_factory=dict,
        title="schedule defaults",
        description="What every schedule gets unless it says otherwise. Any key of a schedule except `name` and "
        "`environments`; a schedule that sets a trigger replaces one from here.",
        examples=[{"queue": "default"}],
    )


class QueueSpec(Spec):
    """One queue of the project."""

    workers: Annotated[Annotated[int, Field(ge=0, le=100_000)] | None, Written] = Field(
        default=None,
        description="How many workers are expected to serve the queue; for forecasts of the load only. Without it: "
        "unknown.",
        examples=[2],
    )


class GuardsSpec(Spec):
    """How careful apply is in this environment."""

    max_deletes: Annotated[Share | None, Written] = Field(
        default=None,
        title="most deletions",
        description="An apply that deletes more schedules than this is refused: a number, or a share of those that "
        "are live. Default: `25%`. A share always allows one.",
        examples=["10%"],
    )


class RulesSpec(Spec):
    """House rules for schedules and pipelines."""

    min_interval: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="shortest interval",
        description="No schedule may fire more often than this. Without it: no limit.",
        examples=["1m"],
    )
    allowed_queues: Annotated[Many[Name] | None, Written] = Field(
        default=None,
        description="Schedules may use these queues only. Without it: any queue.",
        examples=[["default", "heavy"]],
    )
    max_timeout: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="longest timeout",
        description="No run may have a longer `timeout`. Without it: no limit.",
        examples=["6h"],
    )
    require: Many[RequiredField] = Field(
        default=(),
        title="required fields",
        description="Keys that every pipeline and schedule must have; a schedule may have them from its pipeline.",
        examples=[["owner", "description"]],
    )


class PoliciesSpec(Spec):
    """House rules that refuse, and house rules that warn."""

    enforce: RulesSpec = Field(
        default=RulesSpec(),
        title="enforced",
        description="Rules whose violation is an error: `validate` fails, and nothing is applied.",
        examples=[{"min_interval": "1m", "max_timeout": "6h"}],
    )
    warn: RulesSpec = Field(
        default=RulesSpec(),
        title="warned about",
        description="Rules whose violation is a warning: it is shown and stops nothing.",
        examples=[{"require": ["owner", "description"]}],
    )


class AllowSpec(Spec):
    """Switches for what is dangerous."""

    pickle: bool = Field(
        default=False,
        description="`true`: pickle files may be read, which can run any code.",
        examples=[False],
    )
    paths: Many[Text] = Field(
        default=(),
        description="Folders, URLs and databases outside the project that pipelines may read and write, with all "
        "below them. Without it: none.",
        examples=[["/data/shared", "s3://acme-data", "postgresql://warehouse.example/sales"]],
    )


class NotifySpec(Spec):
    """Who is told what, for every schedule that does not say otherwise."""

    on_failure: Many[Text] = Field(
        default=(),
        description="URLs that are told when a schedule starts to fail, and when it is well again: a web hook, or an "
        "address of Apprise (mail, chat, MQTT, ...). Secrets go into them as `${secret:NAME}`.",
        examples=[["${secret:SLACK_URL}"]],
    )
    on_success: Many[Text] = Field(
        default=(),
        description="URLs that are told of every success.",
        examples=[["https://hooks.example/ok"]],
    )
    remind: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        description="Tell again at the first failure after this long, while it still fails. Without it: once.",
        examples=["1d"],
    )


_RedisText = Annotated[
    Text,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(embedded$|rediss?://|unix://|\$\{)|\$\{var:",
            "errorMessage": "Write embedded, or a redis://, rediss:// or unix:// URL.",
        }
    ),
]
Redis = Annotated[
    Annotated[_RedisText, Tag("<text>")] | Annotated[RedisSpec, Tag("<mapping>")], Discriminator(kind_of_redis)
]


class ProjectSpec(SpecWithEnvironments):
    """The file `flowerpower.yaml`: one project."""

    name: Name = Field(
        title="project name",
        description="The project's namespace in Redis, and the owner mark of every live object. Keep it stable: "
        "another name is another project, and what the old one has applied stays live. Required.",
        examples=["acme-data"],
    )
    redis: Redis = Field(
        default="embedded",
        repr=False,
        title="Redis",
        description="A `redis://`, `rediss://`, `unix://` or `redis+sentinel://` URL, `embedded` for a private server "
        "of this folder, started on demand, or a mapping, for Sentinels and TLS files. May hold `${env:NAME}` and "
        "`${env:NAME:-default}`, whose values are never shown or stored.",
        examples=["${env:REDIS_URL:-embedded}", "redis://localhost:6379/0", "embedded"],
    )
    modules: Many[Text] = Field(
        default=("flows",),
        title="module folders",
        description="Folders with Hamilton modules, all of them below this file. Default: `[flows]`.",
        examples=[["flows"]],
    )
    timezone: Text = Field(
        default="UTC",
        title="time zone",
        description="IANA time zone of the schedules that name none.",
        examples=["Europe/Berlin"],
    )
    defaults: DefaultsSpec = Field(
        default=DefaultsSpec(),
        description="What every pipeline or every schedule gets unless it says otherwise: laid under each of them as "
        "a JSON Merge Patch.",
        examples=[{"pipeline": {"timeout": "30m"}, "schedule": {"queue": "default"}}],
    )
    queues: Annotated[dict[Name, QueueSpec] | None, Written] = Field(
        default=None,
        description="The queues of this project, by name. When they are listed, a schedule that names another one is "
        "an error. Without it: any name will do.",
        examples=[{"default": {}, "heavy": {"workers": 2}}],
    )
    environments: Environments = Field(
        default_factory=dict,
        description="The environments, by name, and what differs there from this file: a JSON Merge Patch each. "
        "Chosen with `--env`; each is a namespace of its own in Redis. Without `--env` it is `default`.",
        examples=[{"staging": {"schedules": "paused"}, "prod": {"redis": "${env:PROD_REDIS_URL}"}}],
    )
    schedules: Activity = Field(
        default="active",
        description="Whether schedules fire, and whether they are applied at all. Usually set in one environment.",
        examples=["paused"],
    )
    guards: GuardsSpec = Field(
        default=GuardsSpec(),
        description="How careful `apply` is with deletions.",
        examples=[{"max_deletes": "10%"}],
    )
    policies: PoliciesSpec = Field(
        default=PoliciesSpec(),
        description="House rules for pipelines and schedules; each violation names the rule.",
        examples=[{"enforce": {"min_interval": "1m"}, "warn": {"require": ["owner"]}}],
    )
    code: CodeSource = Field(default="local", description="Which code workers run.", examples=["local"])
    allow: AllowSpec = Field(
        default=AllowSpec(),
        title="allowed",
        description="What is refused unless it is allowed here. Default: nothing.",
        examples=[{"paths": ["/data/shared"]}],
    )
    notify: Annotated[NotifySpec | None, Written] = Field(
        default=None,
        description="Who is told, for every schedule that does not say otherwise.",
        examples=[{"on_failure": ["${secret:SLACK_URL}"], "remind": "1d"}],
    )
    plugins: Many[Text] = Field(
        default=(),
        title="plug-ins",
        description="Installed distributions whose plug-ins may be used: formats of files, adapters, executors, "
        "secrets, transports of messages, checks. No other is loaded, whatever is installed.",
        examples=[["flowerpower-inifile"]],
    )
