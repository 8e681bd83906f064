"""Telling people what became of runs: what waits to be sent, and who sends it."""
