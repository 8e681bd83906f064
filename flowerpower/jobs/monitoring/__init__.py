"""How it all goes: the status of a namespace, the company it keeps, and metrics."""
