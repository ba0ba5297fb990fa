"""A study resolved against the tables and the data."""
