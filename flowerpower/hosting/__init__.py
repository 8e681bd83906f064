"""Code hosts, as a CI job talks to them: the comment of a pull request, and the plan that was approved with it."""
