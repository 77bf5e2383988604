"""What the control interface shows of accounts, servers, strangers and requests."""

from .account import Account
from .answers import Json
from .hostile import Hostile
from .log import LoggedRequest
from .server import Server


def shown_request(request: LoggedRequest) -> dict[str, Json]:
    """Show a request of the log."""
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
    """Show an account with everything that signs it in."""
    return {
        "uuid": account.uuid,
        "username": account.username,
        "email": account.email,
        "password": account.password,
        "code": account.code,
        "tokens": dict(account.tokens),
    }


def shown_server(server: Server) -> dict[str, Json]:
    """Show a server and how to reach it."""
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
    """Show a hostile server and how to reach it."""
    return {
        "machineIdentifier": hostile.machine_identifier,
        "name": hostile.name,
        "port": hostile.port,
        "connections": [hostile.connection().uri],
    }
