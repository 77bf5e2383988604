"""A real Home Assistant, controlled from outside."""
