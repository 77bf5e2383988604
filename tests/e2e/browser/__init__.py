"""The integration as users see it, in a real browser."""
