"""Read by `rq cron cron_config.py`. The host's local time was Europe/Berlin."""

from acme_tasks import nightly_report, refresh_rates, send_reminders
from rq.cron import register

register(nightly_report, queue_name="reports", args=("EU",), cron="30 4 * * 1-5", job_timeout=1800)
register(send_reminders, queue_name="mail", kwargs={"level": 2}, cron="0 9 1,15 * *")
register(refresh_rates, queue_name="default", interval=900)
