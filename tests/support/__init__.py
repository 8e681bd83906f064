"""What tests share: values to start from, and ways to look at a real Redis."""
