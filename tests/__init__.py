"""Tests of Plex Account."""
