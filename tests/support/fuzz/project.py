"""The project that is fuzzed: small, and with nearly everything that specs can say."""

from __future__ import annotations

PROJECT = """\
# yaml-language-server: $schema=x
name: acme
modules: [flows]
timezone: Europe/Berlin
defaults:
  pipeline: {timeout: 30m}
  schedule: {queue: default, start_deadline: 2h}
queues: {default: {}, heavy: {workers: 2}}
environments:
  default: {}
  prod: {schedules: paused, guards: {max_deletes: 10%}}
policies: {warn: {require: [owner]}}
"""
REPORT = """\
name: report
modules: [flow]
outputs: [doubled]
inputs: {number: 21, day: "${tick:%Y-%m-%d}", word: "${var:WORD:-yes}"}
retry: {max: 1, intervals: [10s]}
environments:
  prod:
    inputs: {number: 42}
"""
BAD = "modules: [bad]\noutputs: [wrong]\n"
NIGHTLY = """\
pipeline: report
cron: "0 2 * * *"   # when all sleep
timezone: America/New_York
owner: ana
inputs: &inputs {number: 5}
catchup: all
overlap: buffer_all
environments: {prod: {cron: "30 3 * * mon-fri", inputs: *inputs}}
"""
FILES = {
    "flowerpower.yaml": PROJECT,
    "pipelines/report.yaml": REPORT,
    "pipelines/bad.yaml": BAD,
    "schedules/nightly.yaml": NIGHTLY,
    "schedules/hourly.yaml": 'pipeline: report\nevery: 1h\noverlap: skip\non_failure: ["http://127.0.0.1:9/x"]\n',
    "schedules/second.yaml": "pipeline: report\nevery: 1s\noverlap: buffer_all\ncatchup: all\nqueue: heavy\n",
    "schedules/fails.yaml": 'pipeline: bad\nevery: 6h\non_failure: ["http://127.0.0.1:9/x"]\n',
    "schedules/goes.yaml": "pipeline: report\nat: 2099-01-01T00:00:00\n",
    "schedules/held.yaml": "pipeline: report\ncron: '@daily'\n",
    "flows/flow.py": "def doubled(number: int, day: str, word: str) -> int:\n    return number * 2\n",
    "flows/bad.py": "def wrong() -> int:\n    print('so far')\n    raise RuntimeError('as planned')\n",
}
SPECS = {  # by kind, so that a tree of another project can take their place
    "project": "flowerpower.yaml",
    "pipeline": "pipelines/report.yaml",
    "schedule": "schedules/nightly.yaml",
}
