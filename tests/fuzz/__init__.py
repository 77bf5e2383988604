"""Feeds the client with answers, without sockets and without Home Assistant."""
