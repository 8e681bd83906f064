"""The text of a spec file as values, by the rules of YAML 1.2 core."""
