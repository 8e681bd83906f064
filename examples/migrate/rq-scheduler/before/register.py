"""Run once when a release went out: it told rq-scheduler what to run. The host's local time was Europe/Berlin."""

from __future__ import annotations

import sys
from datetime import datetime

from redis import Redis
from rq_scheduler import Scheduler

scheduler = Scheduler("default", connection=Redis.from_url(sys.argv[1]))

scheduler.cron("0 2 * * *", "acme_tasks.nightly_report", args=["EU"], id="nightly", timeout=600)
scheduler.schedule(datetime(2026, 1, 1, 0, 10), "acme_tasks.send_mails", interval=900, id="mails", queue_name="emails")
scheduler.enqueue_at(datetime(2099, 12, 31, 22, 0), "acme_tasks.close_year", 2099, job_id="close")
