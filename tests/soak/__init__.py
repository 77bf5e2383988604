"""A long run, too long for the suite."""
