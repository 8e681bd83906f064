"""When runs are due: the scheduler, what it fires, and what it heals on the way."""
