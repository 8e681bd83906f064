"""Plans, problems and status as text, markdown and JSON."""
