"""What the company ran before: functions that RQ's cron enqueued."""

from __future__ import annotations


def nightly_report(region: str) -> str:
    """Make the report of a region."""
    return f"report of {region}"


def send_reminders(level: int = 1) -> str:
    """Remind customers of open invoices."""
    return f"reminders of level {level}"


def refresh_rates() -> str:
    """Fetch the exchange rates."""
    return "rates"
