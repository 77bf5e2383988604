"""Feeds the client with bodies, without sockets and without Home Assistant."""
