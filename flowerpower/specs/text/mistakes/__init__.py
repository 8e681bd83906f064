"""What is wrong with the syntax of a text that is no YAML, in words of our own and at the place where it begins."""
