"""Complete good specs, one set for the whole project, and the skeletons that an editor offers in an empty file.

The examples stand in the schemas and in the reference; together they are a project without a problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "project": {
        "name": "acme-data",
        "redis": "${env:REDIS_URL:-embedded}",
        "modules": ["flows"],
        "timezone": "Europe/Berlin",
        "defaults": {"pipeline": {"timeout": "30m"}, "schedule": {"start_deadline": "2h"}},
        "queues": {"default": {}, "heavy": {"workers": 2}},
        "environments": {
            "staging": {"schedules": "paused"},
            "prod": {"redis": "${env:PROD_REDIS_URL}", "guards": {"max_deletes": "10%"}},
        },
        "policies": {"enforce": {"min_interval": "1m", "max_timeout": "6h"}, "warn": {"require": ["owner"]}},
    },
    "pipeline": {
        "name": "daily_sales",
        "description": "Revenue per region for one day.",
        "owner": "team-sales",
        "labels": {"tier": "gold"},
        "modules": ["sales"],
        "outputs": ["report"],
        "inputs": {"region": "EU", "day": "${tick:%Y-%m-%d}"},
        "load": {"orders": {"format": "csv", "path": "data/orders.csv"}},
        "save": [{"outputs": ["report"], "format": "parquet", "path": "out/report-${tick:%Y-%m-%d}.parquet"}],
        "executor": {"type": "threads", "max_workers": 4},
        "timeout": "30m",
        "retry": {"max": 3, "intervals": ["10s", "1m", "5m"]},
        "environments": {"prod": {"timeout": "2h"}},
    },
    "schedule": {
        "name": "nightly_sales",
        "description": "Before the shops open.",
        "pipeline": "daily_sales",
        "cron": "0 2 * * *",
        "timezone": "Europe/Berlin",
        "queue": "heavy",
        "overlap": "skip",
        "catchup": "latest",
        "start_deadline": "30m",
        "protected": True,
        "environments": {"staging": {"paused": True}},
    },
}

_PIPELINE = {"pipeline": "${1:daily_sales}"}

SKELETONS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "project": (
        {
            "label": "new project",
            "description": "A project with a private local Redis until `REDIS_URL` is set.",
            "body": {
                "name": "${1:acme-data}",
                "redis": "\\${env:REDIS_URL:-embedded\\}",
                "modules": ["${2:flows}"],
                "timezone": "${3:Europe/Berlin}",
            },
        },
    ),
    "pipeline": (
        {
            "label": "new pipeline",
            "description": "A pipeline that computes nodes of one Hamilton module.",
            "body": {
                "description": "${1:Revenue per region for one day.}",
                "modules": ["${2:sales}"],
                "outputs": ["${3:report}"],
            },
        },
        {
            "label": "new pipeline that saves",
            "description": "A pipeline that writes what it computes to a file named after the tick.",
            "body": {
                "description": "${1:Revenue per region for one day.}",
                "modules": ["${2:sales}"],
                "outputs": ["${3:report}"],
                "save": [
                    {
                        "outputs": ["${3:report}"],
                        "format": "${4:parquet}",
                        "path": "out/${3:report}-\\${tick:%Y-%m-%d\\}.parquet",
                    }
                ],
            },
        },
    ),
    "schedule": (
        {
            "label": "new schedule: cron",
            "description": "A pipeline at times of the clock, in a time zone.",
            "body": {**_PIPELINE, "cron": "${2:0 2 * * *}", "timezone": "${3:Europe/Berlin}"},
        },
        {
            "label": "new schedule: every",
            "description": "A pipeline at a fixed interval.",
            "body": {**_PIPELINE, "every": "${2:15m}"},
        },
        {
            "label": "new schedule: at",
            "description": "A pipeline once, at one moment.",
            "body": {**_PIPELINE, "at": "${2:2027-01-01T06:00:00}"},
        },
    ),
}
