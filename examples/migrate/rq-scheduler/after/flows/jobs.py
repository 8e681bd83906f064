"""What was enqueued by name before, as nodes of Hamilton."""

from __future__ import annotations


def report(region: str) -> str:
    """Make the report of a region."""
    return f"report of {region}"


def mails() -> int:
    """Send the mails that wait, and tell how many."""
    return 0


def closing(year: int) -> str:
    """Close the books of a year."""
    return f"{year} is closed"
