"""A server's life: ready, asked to stop, running answers ended, port given up."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ..runtime import Loaded
from ..spec import ServeSpec
from .app import Routes
from .guard import Guard
from .listening import is_loopback
from .worker import Worker

CLOSING_SECONDS = 2
"""How long a client may take to read the last of its answer, once the server goes."""

MAX_CONNECTIONS = 512


def serve(
    models: Mapping[str, Loaded],
    spec: ServeSpec,
    api_key: str | None,
    listener: socket.socket,
    *,
    ready: str,
    say: Callable[[str], None],
) -> None:
    """Answer requests until the process is asked to stop; say what it does."""
    worker = Worker(spec.parallel, spec.queue)
    hosts = {"localhost", "127.0.0.1", "::1", spec.host.lower()} if is_loopback(spec.host) else ()
    app = Guard(Routes(models, worker).app(), hosts, api_key)
    asyncio.run(Server(app, worker, spec.grace, say).live(listener, ready))


class Server(uvicorn.Server):
    """uvicorn, which is asked to stop in two steps: no new requests first, then the end.

    Args:
        app: What answers.
        worker: Writes the answers.
        grace: Seconds that running answers may go on after the first signal; a second one ends it.
        say: Takes what people who started it should know.
    """

    def __init__(
        self, app: ASGIApp, worker: Worker, grace: float, say: Callable[[str], None]
    ) -> None:
        super().__init__(_config(app))
        self._worker, self._grace, self._say = worker, grace, say
        self._asked = asyncio.Queue[int]()

    async def live(self, listener: socket.socket, ready: str) -> None:
        """Serve until a signal asks to stop, then end cleanly."""
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self.serve(sockets=[listener]))
        while not (self.started or serving.done()):
            await asyncio.sleep(0.01)
        self._say(ready)
        await self._asked.get()
        self._worker.drain()
        await self._rest()
        await asyncio.to_thread(self._worker.close)
        self.should_exit = True
        await serving

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal: stopping is the work of `live`, and no failure of the process."""
        self._loop.call_soon_threadsafe(self._asked.put_nowait, sig)

    async def _rest(self) -> None:
        """Let running answers end, for a while or until another signal comes."""
        if n := sum(self._worker.counts):
            answers = "1 answer goes" if n == 1 else f"{n} answers go"
            self._say(f"Stopping: {answers} on for {self._grace:g} s at most; Ctrl+C cuts them.")
        impatient = asyncio.create_task(self._asked.get())
        end = self._loop.time() + self._grace
        while any(self._worker.counts) and self._loop.time() < end and not impatient.done():
            await asyncio.sleep(0.02)
        impatient.cancel()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
