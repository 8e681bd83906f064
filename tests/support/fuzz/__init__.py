"""Fuzzing: specs, plan files, what lies in Redis and arguments, as odd as can be, given to the real commands."""
