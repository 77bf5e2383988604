"""A plex.tv and Plex Media Servers on loopback, over real HTTP and TLS."""

from .account import ABSENT, Account
from .connection import Connection
from .faults import Fault
from .hostile import Hostile
from .log import LoggedRequest
from .resources import Player
from .server import Server
from .simulator import Simulator
from .world import build_default_world

__all__ = [
    "ABSENT",
    "Account",
    "Connection",
    "Fault",
    "Hostile",
    "LoggedRequest",
    "Player",
    "Server",
    "Simulator",
    "build_default_world",
]
