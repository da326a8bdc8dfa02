"""An answer on its way to its asker: piece by piece, or whole; and whether anybody still reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..errors import LabError
from .answer import Answer, End
from .refusal import body_of
from .replies import DONE, Head, event

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""No proxy on the way shall gather the pieces."""


class Streamed(StreamingResponse):
    """An answer as server-sent events, sent as it is written.

    Args:
        answer: What is sent.
        head: What its objects have in common.
        forget: Called when it was sent, or nobody reads it any more.
        counts: Whether the count of tokens comes last.
    """

    def __init__(
        self, answer: Answer, head: Head, forget: Callable[[], None], *, counts: bool
    ) -> None:
        events = _events(answer, head, counts)
        super().__init__(events, media_type="text/event-stream", headers=HEADERS)
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it until it ends or its reader is gone."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._forget()


async def _events(answer: Answer, head: Head, counts: bool) -> AsyncIterator[str]:
    """Yield an answer as server-sent events; an error in its midst is the last of them."""
    if head.is_chat:
        yield event(head.opening())
    try:
        async for item in answer.read():
            if isinstance(item, End):
                yield event(head.closing(item.finish_reason))
                if counts:
                    yield event(head.counted(item.usage))
            else:
                yield event(head.piece(item))
        yield DONE
    except LabError as error:
        yield event(body_of(error))


async def whole(request: Request, answer: Answer, head: Head) -> Response:
    """Return an answer when it is complete.

    Raises:
        ClientDisconnect: The client hung up before.
        LabError: The answer could not be written to its end.
    """
    return await _unless_gone(request, _complete(answer, head))


async def _complete(answer: Answer, head: Head) -> Response:
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
