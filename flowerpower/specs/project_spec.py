"""The project file as a model, with its nested parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

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
)

RequiredField = Literal["owner", "description", "labels", "timeout", "retry", "start_deadline"]


class RedisSpec(Spec):
    """A Redis connection that needs more than a URL: Sentinel, TLS files. Exactly one of `url` and `sentinels`."""

    url: Annotated[Text | None, Written] = Field(
        default=None,
        title="URL",
        description="A rediss:// URL, beside TLS files; user and password go into it as `${env:NAME}`.",
        examples=["rediss://flowerpower:${env:REDIS_PASSWORD}@redis.example:6380/0"],
    )
    sentinels: Many[Text] = Field(
        default=(),
        title="sentinels",
        description="Addresses of the Sentinels, host:port. The first that answers says where the master is.",
        examples=[["sentinel-1.example:26379", "sentinel-2.example:26379"]],
    )
    service: Annotated[Text | None, Written] = Field(
        default=None, title="service", description="Name of the service the Sentinels watch.", examples=["main"]
    )
    database: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, title="database", description="Number of the Redis database.", examples=[0]
    )
    username: Annotated[Text | None, Written] = Field(
        default=None, title="user", description="ACL user of Redis.", examples=["flowerpower"]
    )
    password: Annotated[Text | None, Written] = Field(
        default=None,
        title="password",
        description="Write `${env:NAME}`, never the password itself.",
        examples=["${env:REDIS_PASSWORD}"],
    )
    sentinel_username: Annotated[Text | None, Written] = Field(
        default=None, title="user of the Sentinels", description="Where they ask for one.", examples=["watcher"]
    )
    sentinel_password: Annotated[Text | None, Written] = Field(
        default=None,
        title="password of the Sentinels",
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
        description="Merged under every pipeline spec.",
        examples=[{"timeout": "30m"}],
    )
    schedule: JsonObject = Field(
        default_factory=dict,
        title="schedule defaults",
        description="Merged under every schedule spec.",
        examples=[{"queue": "default"}],
    )


class QueueSpec(Spec):
    """One queue of the project."""

    workers: Annotated[Annotated[int, Field(ge=0, le=100_000)] | None, Written] = Field(
        default=None,
        title="workers",
        description="Expected number of workers; the load forecast counts with it.",
        examples=[2],
    )


class GuardsSpec(Spec):
    """How careful apply is in this environment."""

    max_deletes: Annotated[Share | None, Written] = Field(
        default=None,
        title="most deletions",
        description="An apply that deletes more schedules is refused: a number, or a share of the owned ones. "
        "Without it: 25%, and one is always allowed.",
        examples=["10%", 5],
    )


class RulesSpec(Spec):
    """House rules for schedules and pipelines."""

    min_interval: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="shortest interval",
        description="No schedule may fire more often than this.",
        examples=["1m"],
    )
    allowed_queues: Annotated[Many[Name] | None, Written] = Field(
        default=None,
        title="allowed queues",
        description="Schedules may use these queues only.",
        examples=[["default", "heavy"]],
    )
    max_timeout: Annotated[PositiveDuration | None, Written] = Field(
        default=None, title="longest timeout", description="No run may have a longer timeout.", examples=["6h"]
    )
    require: Many[RequiredField] = Field(
        default=(),
        title="required fields",
        description="Fields that pipelines and schedules must have; a schedule may have them from its pipeline.",
        examples=[["owner", "description"]],
    )


class PoliciesSpec(Spec):
    """House rules that refuse, and house rules that warn."""

    enforce: RulesSpec = Field(
        default=RulesSpec(),
        title="enforced",
        description="A violation is an error.",
        examples=[{"min_interval": "1m", "max_timeout": "6h"}],
    )
    warn: RulesSpec = Field(
        default=RulesSpec(),
        title="warned about",
        description="A violation is a warning.",
        examples=[{"require": ["owner", "description"]}],
    )


class AllowSpec(Spec):
    """Switches for what is dangerous."""

    pickle: bool = Field(
        default=False,
        title="pickle",
        description="Allow reading pickle files, which can run any code. (Not supported yet.)",
        examples=[False],
    )
    paths: Many[Text] = Field(
        default=(),
        title="paths",
        description="Local folders outside the project that pipelines may read and write.",
        examples=[["/data/shared"]],
    )


class NotifySpec(Spec):
    """Who is told what, for every schedule that does not say otherwise."""

    on_failure: Many[Text] = Field(
        default=(),
        title="on failure",
        description="URLs told when a schedule starts to fail.",
        examples=[["${secret:SLACK_URL}"]],
    )
    on_success: Many[Text] = Field(
        default=(),
        title="on success",
        description="URLs told of every success.",
        examples=[["https://hooks.example/ok"]],
    )
    remind: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="remind",
        description="Tell again after this long while the schedule still fails.",
        examples=["1d"],
    )


def kind_of_redis(value: object) -> str:
    """Return which form of `redis:` a value has."""
    return "<mapping>" if isinstance(value, (dict, RedisSpec)) else "<text>"


Redis = Annotated[Annotated[Text, Tag("<text>")] | Annotated[RedisSpec, Tag("<mapping>")], Discriminator(kind_of_redis)]


class ProjectSpec(SpecWithEnvironments):
    """The file `flowerpower.yaml`: one project."""

    name: Name = Field(
        title="project name",
        description="Namespace in Redis and owner mark of every live object. Keep it stable: another name is another "
        "project.",
        examples=["acme-data"],
    )
    redis: Redis = Field(
        default="embedded",
        repr=False,
        title="Redis",
        description="A redis://, rediss://, unix:// or redis+sentinel:// URL, `embedded` for a private local server, "
        "or a mapping for Sentinel and TLS files. `${env:NAME}` may stand here; its value is never shown or stored.",
        examples=["${env:REDIS_URL:-embedded}", "redis://localhost:6379/0"],
    )
    modules: Many[Text] = Field(
        default=("flows",),
        title="module folders",
        description="Folders with Hamilton modules, relative to this file.",
        examples=[["flows"]],
    )
    timezone: Text = Field(
        default="UTC",
        title="time zone",
        description="IANA time zone of schedules that name none.",
        examples=["Europe/Berlin", "UTC"],
    )
    defaults: DefaultsSpec = Field(
        default=DefaultsSpec(),
        title="defaults",
        description="Merged under every spec of a kind.",
        examples=[{"pipeline": {"timeout": "30m"}, "schedule": {"queue": "default"}}],
    )
    queues: Annotated[dict[Name, QueueSpec] | None, Written] = Field(
        default=None,
        title="queues",
        description="The queues of this project. When present, a schedule that names another one is an error.",
        examples=[{"default": {}, "heavy": {"workers": 2}}],
    )
    environments: Environments = Field(
        default_factory=dict,
        title="environments",
        description="Environments and what differs there from this file, as JSON Merge Patches. Chosen with `--env`.",
        examples=[{"staging": {"schedules": "paused"}, "prod": {"redis": "${env:PROD_REDIS_URL}"}}],
    )
    schedules: Activity = Field(
        default="active",
        title="schedules",
        description="`paused` deploys everything and fires nothing. Usually set for one environment.",
        examples=["paused"],
    )
    guards: GuardsSpec = Field(
        default=GuardsSpec(),
        title="guards",
        description="How careful apply is.",
        examples=[{"max_deletes": "10%"}],
    )
    policies: PoliciesSpec = Field(
        default=PoliciesSpec(),
        title="policies",
        description="House rules; each violation names the rule.",
        examples=[{"enforce": {"min_interval": "1m"}, "warn": {"require": ["owner"]}}],
    )
    code: CodeSource = Field(default="local", title="code", description="Which code workers run.", examples=["local"])
    allow: AllowSpec = Field(
        default=AllowSpec(),
        title="allowed",
        description="What is switched off unless allowed here.",
        examples=[{"paths": ["/data/shared"]}],
    )
    notify: Annotated[NotifySpec | None, Written] = Field(
        default=None,
        title="notify",
        description="Notifications of every schedule that does not say otherwise. (Not supported yet.)",
        examples=[{"on_failure": ["${secret:SLACK_URL}"], "remind": "1d"}],
    )
    plugins: Many[Text] = Field(
        default=(),
        title="plug-ins",
        description="Plug-ins to load; no other is. (Not supported yet.)",
        examples=[["flowerpower-mqtt"]],
    )
