"""The difference between two states, and its meaning."""
