"""HAVE: what is, or should be, in Redis."""
