"""The routes: OpenAI's `/v1/chat/completions`, `/v1/completions`, `/v1/models`, and `/health`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..errors import LabError, listed, near
from ..runtime import Loaded
from .answer import Answer, End, stream_of
from .ask import Ask, chat_ask, text_ask
from .handlers import HANDLERS
from .incoming import read
from .refusal import Refusal, body_of
from .replies import DONE, Head, event, model_card, model_list
from .worker import Worker

SSE = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Routes:
    """Answers requests with the models of a server.

    Args:
        models: Each name under which a model can be asked.
        worker: Writes the answers.
    """

    def __init__(self, models: Mapping[str, Loaded], worker: Worker) -> None:
        self._models, self._worker = models, worker
        self._created = int(time.time())

    def app(self) -> Starlette:
        """Return the routes as an ASGI application."""
        routes = [
            Route("/health", self.health),
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/completions", self.text, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    async def health(self, _request: Request) -> Response:
        """Say whether requests are taken, and how many there are."""
        active, waiting = self._worker.counts
        is_up = not self._worker.is_draining
        found = {"status": "ok" if is_up else "stopping", "active": active, "waiting": waiting}
        return JSONResponse(found, 200 if is_up else 503)

    async def models(self, _request: Request) -> Response:
        """List the models that can be asked."""
        return JSONResponse(model_list(self._models, self._created))

    async def model(self, request: Request) -> Response:
        """Say what is known of one model."""
        name = request.path_params["name"]
        self._named(name)
        return JSONResponse(model_card(name, self._created))

    async def chat(self, request: Request) -> Response:
        """Answer a chat."""
        return await self._answered(request, chat_ask(await read(request)), is_chat=True)

    async def text(self, request: Request) -> Response:
        """Go on with a text."""
        return await self._answered(request, text_ask(await read(request)), is_chat=False)

    async def _answered(self, request: Request, ask: Ask, *, is_chat: bool) -> Response:
        answer = Answer(stream_of(self._named(ask.model), ask))
        self._worker.submit(answer)
        head = Head(ask.model, is_chat)
        forget = partial(self._worker.cancel, answer)
        if ask.stream:
            return Streamed(_events(answer, head, ask.include_usage), forget)
        try:
            return await _unless_gone(request, _whole(answer, head))
        finally:
            forget()

    def _named(self, name: str) -> Loaded:
        if name in self._models:
            return self._models[name]
        known = f"Models here: {listed([*self._models], 'and')}."
        raise Refusal(
            f"There is no model {name!r} here.",
            f"{near(name, self._models, '')} {known}".strip(),
            status=404,
            code="model_not_found",
            param="model",
        )


class Streamed(StreamingResponse):
    """An answer sent as it is written; told when nobody reads it any more."""

    def __init__(self, events: AsyncIterator[str], forget: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=SSE)
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it until it ends or its reader is gone."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._forget()


async def _events(answer: Answer, head: Head, include_usage: bool) -> AsyncIterator[str]:
    """Yield an answer as server-sent events; an error in its midst is the last of them."""
    if head.is_chat:
        yield event(head.opening())
    try:
        async for item in answer.read():
            if isinstance(item, End):
                yield event(head.closing(item.finish_reason))
                if include_usage:
                    yield event(head.counted(item.usage))
            else:
                yield event(head.piece(item))
        yield DONE
    except LabError as error:
        yield event(body_of(error))


async def _whole(answer: Answer, head: Head) -> Response:
    """Return an answer when it is complete."""
    *texts, end = [item async for item in answer.read()]
    assert isinstance(end, End)
    text = "".join(str(piece) for piece in texts)
    return JSONResponse(head.whole(text, end.finish_reason, end.usage))


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Wait for a response, or until the client hangs up."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    """Return when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
