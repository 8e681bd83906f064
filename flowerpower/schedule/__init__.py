"""WHEN: triggers and the ticks they make."""
