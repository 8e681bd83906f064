"""Messages to people and programs about how schedules fare: what is worth one, what it says, how it is sent."""
