"""Tests of the simulator with third-party clients."""
