"""A soak: thousands of schedules live through many ticks, and nothing may grow."""
