"""The control interface's view of accounts, servers, strangers, and requests."""

from .account import Account
from .answers import Json
from .hostile import Hostile
from .log import LoggedRequest
from .server import Server


def shown_request(request: LoggedRequest) -> dict[str, Json]:
    """Return a logged request as JSON."""
    return {
        "host": request.host,
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": dict(request.headers),
        "form": dict(request.form),
        "secure": request.secure,
        "status": request.status,
    }


def shown_account(account: Account) -> dict[str, Json]:
    """Return an account, with everything needed to sign in to it, as JSON."""
    return {
        "uuid": account.uuid,
        "username": account.username,
        "email": account.email,
        "password": account.password,
        "code": account.code,
        "tokens": dict(account.tokens),
    }


def shown_server(server: Server) -> dict[str, Json]:
    """Return a server, and how to reach it, as JSON."""
    return {
        "machineIdentifier": server.machine_identifier,
        "name": server.name,
        "owner": server.owner.uuid,
        "running": server.running,
        "url": server.url,
        "port": server.port,
        "connections": [one.uri for one in server.connections],
        "transientTokens": [*server.transient_tokens],
    }


def shown_hostile(hostile: Hostile) -> dict[str, Json]:
    """Return a hostile server, and how to reach it, as JSON."""
    return {
        "machineIdentifier": hostile.machine_identifier,
        "name": hostile.name,
        "port": hostile.port,
        "connections": [hostile.connection().uri],
    }
