"""The old functions as nodes of Hamilton."""

from __future__ import annotations

import acme_tasks


def report(region: str) -> str:
    """Make the report of a region."""
    return acme_tasks.nightly_report(region)


def reminders(level: int) -> str:
    """Remind customers of open invoices."""
    return acme_tasks.send_reminders(level=level)


def rates() -> str:
    """Fetch the exchange rates."""
    return acme_tasks.refresh_rates()
