"""Torture: schedulers, workers, applies and Redis are killed and stopped at random; a checker reads what they left."""
