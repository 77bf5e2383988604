"""What plex.tv and servers have in common: the way from a request to its answer."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Sequence
from http import HTTPStatus
import ssl

from aiohttp import hdrs, web

from .faults import Fault
from .listener import Listener
from .log import FORM, LoggedRequest
from .misbehavior import DISTURBED, Dropped, Trickling
from .traffic import Traffic

_SHUTDOWN_SECONDS = 0.05


class Site(ABC):
    """One HTTP host, which logs every request, applies faults, and answers."""

    def __init__(self, traffic: Traffic) -> None:
        """Initialize with the log and faults of a simulator."""
        self._traffic = traffic
        self._serving: set[asyncio.Task[object]] = set()
        self._server: web.Server | None = None
        self._listener: Listener | None = None

    @property
    @abstractmethod
    def host(self) -> str:
        """The name of this host in the log and in faults."""

    @abstractmethod
    def short_path(self, path: str) -> str:
        """Return a path as used in the log and in faults."""

    @abstractmethod
    def answer(self, request: LoggedRequest, path: str) -> web.Response:
        """Answer a request."""

    @abstractmethod
    def usual_answer(self, request: LoggedRequest, status: int) -> web.Response:
        """Return this host's usual answer for a status."""

    def refusal(
        self, request: LoggedRequest, code: int, status: int | None, message: str | None
    ) -> web.Response:
        """Return the error for a code; only plex.tv has codes."""
        return self.usual_answer(request, status or HTTPStatus.BAD_REQUEST)

    def finish(self, request: LoggedRequest, answer: web.Response) -> web.Response:
        """Add the headers that this host adds to every answer of its own."""
        return answer

    def listens_to(self, request: LoggedRequest) -> bool:
        """Return whether a request is answered at all."""
        return True

    async def open(
        self,
        hosts: Sequence[str],
        port: int,
        *,
        context: ssl.SSLContext | None = None,
    ) -> int:
        """Serve on every host and return the port."""
        self._server = web.Server(
            self._serve, handler_cancellation=True, access_log=None
        )
        self._listener = Listener(self._server, context)
        return self._listener.open(hosts, port)

    async def close(self) -> None:
        """Stop immediately: pending requests get no answer."""
        if self._server is None or self._listener is None:
            return
        await self._listener.close()
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        transports = [connection.transport for connection in self._server.connections]
        self._server.pre_shutdown()
        await self._server.shutdown(_SHUTDOWN_SECONDS)
        for transport in transports:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)
        self._server = self._listener = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            return await self._process(request)
        finally:
            self._serving.discard(task)

    async def _process(self, request: web.BaseRequest) -> web.StreamResponse:
        logged = await self._log(request)
        if not self.listens_to(logged):
            return Dropped()
        fault = self._traffic.faults.take(logged.host, logged.method, logged.path)
        delay = self._traffic.latency + (fault.delay if fault else 0)
        if delay > 0:
            await asyncio.sleep(delay)
        response = (
            self.finish(logged, self.answer(logged, request.path))
            if fault is None
            else await self._disturb(fault, logged, request.path)
        )
        if not isinstance(response, Dropped):
            logged.status = response.status
        return response

    async def _log(self, request: web.BaseRequest) -> LoggedRequest:
        form = await request.post() if request.content_type == FORM else {}
        logged = LoggedRequest(
            host=self.host,
            method=request.method,
            path=self.short_path(request.path),
            query=dict(request.query),
            headers=request.headers,
            form={
                name: value for name, value in form.items() if isinstance(value, str)
            },
            address=request.remote or "",
            secure=request.secure,
        )
        self._traffic.requests.append(logged)
        return logged

    async def _disturb(
        self, fault: Fault, request: LoggedRequest, path: str
    ) -> web.StreamResponse:
        if fault.action == "drop":
            return Dropped()
        if fault.action == "hang":
            await fault.released.wait()
        answer = self._faulty_answer(fault, request, path)
        if fault.action == "trickle":
            return Trickling(answer, fault.pace)
        disturbed = DISTURBED.get(fault.action or "")
        return disturbed(answer) if disturbed else answer

    def _faulty_answer(
        self, fault: Fault, request: LoggedRequest, path: str
    ) -> web.Response:
        payload = fault.payload()
        if fault.empty:
            answer = web.Response(status=fault.status or HTTPStatus.NOT_FOUND)
        elif payload is not None:
            body, content_type = payload
            answer = web.Response(
                body=body,
                status=fault.status or HTTPStatus.OK,
                content_type=content_type,
            )
        else:
            answer = self.finish(request, self._own_answer(fault, request, path))
        if fault.content_type is not None:
            answer.headers[hdrs.CONTENT_TYPE] = fault.content_type
        answer.headers.update(fault.headers)
        return answer

    def _own_answer(
        self, fault: Fault, request: LoggedRequest, path: str
    ) -> web.Response:
        if fault.code is not None:
            return self.refusal(request, fault.code, fault.status, fault.message)
        if fault.status is not None:
            return self.usual_answer(request, fault.status)
        return self.answer(request, path)
