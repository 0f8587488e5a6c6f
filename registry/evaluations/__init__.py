"""What an evaluation is asked for and what it answered, as plain data. How it is computed lies in `pipelines`."""
