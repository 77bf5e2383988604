"""The control interface of a standalone simulator: JSON over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from http import HTTPStatus
import json
from typing import Any

from aiohttp import web

from .account import ABSENT, Account
from .control_views import shown_account, shown_hostile, shown_request, shown_server
from .server import Server
from .server_model import ServerModel
from .settings import change_settings, settings_of
from .simulator import Simulator
from .world import add_described_hostile, add_described_server

_ACCOUNT_FIELDS = {one.name for one in fields(Account)}
_NO_JSON = ("clock", "certificate", "library", "picture")
_SERVER_FIELDS = {"certificate_hash"} | {
    one.name for one in fields(ServerModel) if one.init and one.name not in _NO_JSON
}
_HOST = "127.0.0.1"


class BadRequestError(Exception):
    """An invalid request, with an explanation."""


class Control:
    """Converts requests to a separate port into calls of a simulator."""

    def __init__(self, sim: Simulator) -> None:
        """Initialize with a simulator."""
        self._sim = sim
        app = web.Application(middlewares=[self._explain])
        app.router.add_get("/state", self._state)
        app.router.add_get("/requests", self._requests)
        app.router.add_delete("/requests", self._forget_requests)
        app.router.add_post("/faults", self._add_fault)
        app.router.add_post("/trouble", self._add_trouble)
        app.router.add_delete("/faults", self._clear_faults)
        app.router.add_delete("/faults/{id}", self._remove_fault)
        app.router.add_patch("/settings", self._change_settings)
        app.router.add_post("/latency", self._set_latency)
        app.router.add_post("/clock", self._advance)
        app.router.add_post("/sign-out-scope", self._set_sign_out_scope)
        app.router.add_post("/servers", self._add_server)
        app.router.add_post("/hostile", self._add_hostile)
        app.router.add_patch("/servers/{id}", self._change_server)
        app.router.add_post("/servers/{id}/{verb:start|stop|restart}", self._run_server)
        app.router.add_post("/servers/{id}/renew-certificate", self._renew_certificate)
        app.router.add_post("/accounts", self._add_account)
        app.router.add_patch("/accounts/{uuid}", self._change_account)
        app.router.add_post("/accounts/{uuid}/revoke", self._revoke)
        app.router.add_post("/accounts/{uuid}/reset-password", self._reset_password)
        app.router.add_post("/pins/{code}/approve", self._approve_pin)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start(self, port: int = 0) -> str:
        """Listen on loopback and return the URL."""
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, port).start()
        return f"http://{_HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    @web.middleware
    async def _explain(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer errors with 400 or 404 and an explanation."""
        try:
            return await handler(request)
        except KeyError as error:
            return web.json_response(
                {"error": f"{error} is missing"}, status=HTTPStatus.BAD_REQUEST
            )
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.NOT_FOUND)
        except (BadRequestError, TypeError, ValueError) as error:
            return web.json_response(
                {"error": str(error)}, status=HTTPStatus.BAD_REQUEST
            )

    async def _body(self, request: web.Request) -> dict[str, Any]:
        body = json.loads(await request.text() or "{}")
        if not isinstance(body, dict):
            raise BadRequestError("the body has to be an object")
        return body

    def _account(self, uuid: str) -> Account:
        account = self._sim.accounts.by_uuid(uuid)
        if account is None:
            raise LookupError(f"no account {uuid}")
        return account

    def _server(self, request: web.Request) -> Server:
        identifier = request.match_info["id"]
        for server in self._sim.servers:
            if server.machine_identifier == identifier:
                return server
        raise LookupError(f"no server {identifier}")

    def _change(
        self, thing: Account | Server, known: set[str], changes: dict[str, Any]
    ) -> None:
        unknown = changes.keys() - known
        if unknown:
            raise BadRequestError(f"unknown: {', '.join(sorted(unknown))}")
        for name, value in changes.items():
            setattr(thing, name, value)

    def _account_changes(self, body: dict[str, Any]) -> dict[str, Any]:
        """Parse account fields; `absent` lists the keys to remove from the body."""
        absent = body.pop("absent", [])
        if "backup_codes" in body:
            body["backup_codes"] = set(body["backup_codes"])
        if absent:
            body["extra"] = body.get("extra", {}) | dict.fromkeys(absent, ABSENT)
        return body

    def _server_changes(self, body: dict[str, Any]) -> dict[str, Any]:
        """Parse server fields; users are referred to by UUID."""
        if "owner" in body:
            body["owner"] = self._account(body["owner"])
        if "shared_with" in body:
            body["shared_with"] = [self._account(uuid) for uuid in body["shared_with"]]
        return body

    async def _state(self, request: web.Request) -> web.Response:
        sim = self._sim
        return web.json_response(
            {
                "url": sim.url,
                "now": sim.clock.now().isoformat(),
                "settings": settings_of(sim),
                "accounts": [shown_account(account) for account in sim.accounts],
                "servers": [shown_server(server) for server in sim.servers],
                "hostile": [shown_hostile(one) for one in sim.hostile],
                "pins": [
                    {
                        "id": pin.id,
                        "code": pin.code,
                        "approved": pin.auth_token is not None,
                    }
                    for pin in sim.pins
                ],
            }
        )

    async def _requests(self, request: web.Request) -> web.Response:
        return web.json_response([shown_request(one) for one in self._sim.requests])

    async def _forget_requests(self, request: web.Request) -> web.Response:
        self._sim.clear_requests()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _add_fault(self, request: web.Request) -> web.Response:
        fault = self._sim.fault(**await self._body(request))
        return web.json_response({"id": fault.id}, status=HTTPStatus.CREATED)

    async def _add_trouble(self, request: web.Request) -> web.Response:
        trouble = self._sim.trouble(**await self._body(request))
        return web.json_response({"id": trouble.id}, status=HTTPStatus.CREATED)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._sim.clear_faults()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _remove_fault(self, request: web.Request) -> web.Response:
        if not self._sim.faults.remove(int(request.match_info["id"])):
            raise LookupError(f"no fault {request.match_info['id']}")
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _set_latency(self, request: web.Request) -> web.Response:
        seconds = float((await self._body(request))["seconds"])
        change_settings(self._sim, {"latency": seconds})
        return web.json_response({"latency": seconds})

    async def _change_settings(self, request: web.Request) -> web.Response:
        change_settings(self._sim, await self._body(request))
        return web.json_response(settings_of(self._sim))

    async def _advance(self, request: web.Request) -> web.Response:
        self._sim.clock.advance(float((await self._body(request))["advance"]))
        return web.json_response({"now": self._sim.clock.now().isoformat()})

    async def _set_sign_out_scope(self, request: web.Request) -> web.Response:
        scope = (await self._body(request))["scope"]
        change_settings(self._sim, {"sign_out_scope": scope})
        return web.json_response({"scope": scope})

    async def _add_server(self, request: web.Request) -> web.Response:
        server = await add_described_server(
            self._sim, await self._body(request), self._account
        )
        return web.json_response(shown_server(server), status=HTTPStatus.CREATED)

    async def _add_hostile(self, request: web.Request) -> web.Response:
        hostile = await add_described_hostile(self._sim, await self._body(request))
        return web.json_response(shown_hostile(hostile), status=HTTPStatus.CREATED)

    async def _change_server(self, request: web.Request) -> web.Response:
        server = self._server(request)
        changes = self._server_changes(await self._body(request))
        if "connections" in changes:
            changes["connections"] = [
                server.described(**one) for one in changes["connections"]
            ]
        self._change(server, _SERVER_FIELDS, changes)
        return web.json_response(shown_server(server))

    async def _run_server(self, request: web.Request) -> web.Response:
        server = self._server(request)
        match request.match_info["verb"]:
            case "start":
                await server.start()
            case "stop":
                await server.stop()
            case _:
                await server.restart()
        return web.json_response(shown_server(server))

    async def _renew_certificate(self, request: web.Request) -> web.Response:
        server = self._server(request)
        server.renew_certificate()
        return web.json_response(shown_server(server))

    async def _add_account(self, request: web.Request) -> web.Response:
        account = self._sim.add_account(
            **self._account_changes(await self._body(request))
        )
        return web.json_response(shown_account(account), status=HTTPStatus.CREATED)

    async def _change_account(self, request: web.Request) -> web.Response:
        account = self._account(request.match_info["uuid"])
        changes = self._account_changes(await self._body(request))
        self._change(account, _ACCOUNT_FIELDS, changes)
        return web.json_response(shown_account(account))

    async def _revoke(self, request: web.Request) -> web.Response:
        account = self._account(request.match_info["uuid"])
        self._sim.revoke(account)
        return web.json_response(shown_account(account))

    async def _reset_password(self, request: web.Request) -> web.Response:
        account = self._account(request.match_info["uuid"])
        body = await self._body(request)
        self._sim.reset_password(
            account, body["password"], claimed=body.get("claimed", False)
        )
        return web.json_response(shown_account(account))

    async def _approve_pin(self, request: web.Request) -> web.Response:
        account = self._account((await self._body(request))["account"])
        self._sim.approve_pin(request.match_info["code"], account)
        return web.Response(status=HTTPStatus.NO_CONTENT)
