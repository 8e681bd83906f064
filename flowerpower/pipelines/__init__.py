"""Hamilton: build, run, visualise, read and write data."""
