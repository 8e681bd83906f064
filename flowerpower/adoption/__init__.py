"""What other tools schedule in Redis, read safely and turned into specs: plain values in, texts out."""
