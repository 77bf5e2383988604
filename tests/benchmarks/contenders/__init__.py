"""One module for each contender."""
