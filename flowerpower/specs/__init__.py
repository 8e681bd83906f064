"""WANT: what people wrote, from text to checked specs."""
