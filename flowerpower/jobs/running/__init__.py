"""What happens around one run: whether it is let in, what it says, and what is kept of it."""
