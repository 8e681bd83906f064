"""The canonical layout of spec files."""
