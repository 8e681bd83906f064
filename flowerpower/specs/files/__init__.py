"""The files of a project: which they are, what they hold, and what was found in them before."""
