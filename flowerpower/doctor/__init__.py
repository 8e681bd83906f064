"""What `doctor` looks at: thin readers bring facts, pure functions say what they mean and what to do."""
