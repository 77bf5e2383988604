"""Benchmarks of the client against a minimal program and against other clients."""
