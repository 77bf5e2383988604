"""Fuzzing of the client's parsers, without sockets and without Home Assistant."""
