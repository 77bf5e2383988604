"""A real Home Assistant, driven from outside."""
