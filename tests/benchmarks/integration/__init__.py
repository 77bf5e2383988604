"""The integration inside Home Assistant, measured against the least that does the same."""
