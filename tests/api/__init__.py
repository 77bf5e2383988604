"""Tests of the client alone, against the simulator."""
