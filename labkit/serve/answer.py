"""One answer in the making: the worker's thread advances it, its asker reads what comes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ..errors import LabError
from ..runtime import Loaded, Stream
from .ask import Ask
from .refusal import broken
from .replies import Usage

log = logging.getLogger("labkit.serve")


@dataclass(frozen=True)
class End:
    """How an answer ended."""

    finish_reason: str
    """`stop`, by itself or a stop text; or `length`."""

    usage: Usage
    """Tokens read and written."""


Last = End | LabError
"""What ends an answer."""


def stream_of(loaded: Loaded, ask: Ask) -> Stream:
    """Return the text that answers, not begun yet.

    A chat of one user's turn is put as `%generate` puts a prompt, into the form that the model was
    trained on; a longer one goes through the chat template.

    Raises:
        LabError: The prompt is empty, too long, or does not fit the model's form.
    """
    given = ask.prompt
    if not isinstance(given, str) and [turn["role"] for turn in given] == ["user"]:
        given = given[0]["content"]
    return loaded.stream(
        given,
        max_new_tokens=ask.max_tokens or loaded.model.context_length,
        temperature=ask.temperature,
        top_p=ask.top_p,
        stop=ask.stop,
        seed=ask.seed,
        raw=isinstance(ask.prompt, str),
    )


class Answer:
    """What the worker's thread writes and the server's loop reads.

    Made in the loop that reads it.

    Args:
        stream: The text that answers.
    """

    def __init__(self, stream: Stream) -> None:
        self.is_wanted = True
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | Last] = asyncio.Queue()

    @property
    def is_read(self) -> bool:
        """Whether its prompt was read to the end."""
        return self._stream.is_read

    def advance(self) -> Last | None:
        """Read a part of the prompt or write the next piece; return what ends the answer, if any.

        The worker's thread calls it.
        """
        try:
            if self.is_read:
                self.put(next(self._stream))
            else:
                self._stream.read()
        except StopIteration:
            usage = Usage(self._stream.n_prompt_tokens, self._stream.n_new_tokens)
            return End(self._stream.ended or "stop", usage)
        except LabError as error:
            return error
        except Exception:
            log.exception("An answer failed.")
            return broken()
        return None

    def put(self, item: str | Last) -> None:
        """Hand a piece to the reader, or what ends the answer; from any thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def read(self) -> AsyncIterator[str | End]:
        """Yield the pieces as they come, and how it ended.

        Raises:
            LabError: The answer could not be written to its end.
        """
        while True:
            item = await self._queue.get()
            if isinstance(item, LabError):
                raise item
            yield item
            if isinstance(item, End):
                return
