"""WHAT a pipeline's graph is, read from syntax trees without running user code."""
