"""The routes: OpenAI's `/v1/chat/completions`, `/v1/completions`, `/v1/models`, and `/health`."""

import time
from collections.abc import Mapping
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import listed, near
from ..runtime import Loaded
from .answer import Answer, stream_of
from .ask import Ask, chat_ask, text_ask
from .handlers import HANDLERS
from .incoming import read
from .refusal import Refusal
from .replies import Head, model_card, model_list
from .sending import Streamed, whole
from .worker import Worker


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
            return Streamed(answer, head, forget, counts=ask.include_usage)
        try:
            return await whole(request, answer, head)
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
