"""Run an exported folder with plain ONNX Runtime: logits, cache and greedy text. No torch."""

import copy
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ExportError
from .adapters import Shelf
from .cache import Cache, empty
from .decoding import Decoding
from .folder import graph_facts
from .ids import Ids, checked_ids, require_known_inputs
from .sampling import Pick, likeliest
from .session import Settings, bound_run, fallback_of, open_session, settings_of, shares_cache

PAST = ("past_key_values.", "past.")
"""How the graph's inputs of earlier tokens begin: keys and values, states of convolutions."""

HIDDEN = "hidden_states"
HEAD_SIZE = "kv_cache_dim"
"""How the builder calls the last axis of keys and values."""

Logits = npt.NDArray[np.float32]


class OnnxModel:
    """A causal language model in a folder that `export_onnx` wrote, on the processor.

    Args:
        folder: Holds `model.onnx`, its data file and `genai_config.json`.
        threads: Threads per operator; as the folder was tuned, or ONNX Runtime's choice when None.
        target: Execution provider by its short name; as the folder was tuned, or "cpu" when None.
        settings: Of the session, in place of all these.
    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        target: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        config = graph_facts(Path(folder))
        self.folder = Path(folder)
        self.vocab_size: int = config["vocab_size"]
        self.context_length: int = config["context_length"]
        settings = settings or settings_of(self.folder, threads=threads, target=target)
        self.target: str = settings.target
        self._session = open_session(self.folder / "model.onnx", settings)
        self._past = {i.name: i for i in self._session.get_inputs() if i.name.startswith(PAST)}
        self._plain = {i.name for i in self._session.get_inputs()} - set(self._past)
        grows = all(len(i.shape) == 4 for i in self._past.values())  # states of convolutions not
        self._shares_cache = grows and shares_cache(self.folder, settings)
        self._outputs = ["logits", *map(_present, self._past)]
        require_known_inputs(self._plain, self.folder)
        self._shelf, self._options = Shelf(self.folder), None

    @property
    def fallback(self) -> str | None:
        """What the target's provider leaves to the processor; None where it takes all."""
        return fallback_of(self._session, self.target)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters beside the model."""
        return self._shelf.names

    def using(self, adapter: str | Path | None) -> "OnnxModel":
        """Return this model with an adapter switched on, or with none; both share the session.

        A cache belongs to the adapter it was read with.

        Args:
            adapter: One of `adapters`, or the path of an `.onnx_adapter` made for this model.

        Raises:
            RunError: The model has no adapter of this name.
        """
        view = copy.copy(self)
        view._options = self._shelf.options(adapter)
        return view

    def logits(self, input_ids: Ids, past: Cache | None = None) -> tuple[Logits, Cache]:
        """Return `(n, vocab)` float32 logits after each of `(n,)` tokens, and the longer cache.

        Args:
            input_ids: `(n,)` token ids that follow those in `past`.
            past: What an earlier call returned; it stays valid.
        """
        rows = np.asarray(input_ids)[None]
        logits, cache = self.logits_of_rows(rows, past)
        return logits[0], cache

    def logits_of_rows(
        self, input_ids: npt.NDArray[Any], past: Cache | None = None
    ) -> tuple[Logits, Cache]:
        """As `logits`, for `(rows, n)` tokens side by side: `(rows, n, vocab)`.

        Several rows with a past take one token at a time: the graph's attention reads no more.
        """
        past = past or self._empty_cache(len(input_ids))
        ids = self._checked(input_ids, past)
        total = past.length + ids.shape[1]
        feeds = self._feeds(ids, past, total)
        if self._shares_cache and self._options is None:  # a binding ignores adapters
            return self._in_place(feeds, past, total)
        feeds |= zip(self._past, past.values(), strict=True)
        values = self._session.run_with_ort_values(self._outputs, feeds, self._options)
        return values[0].numpy(), Cache(tuple(values[1:]), total, len(ids))

    def hidden_states(self, input_ids: Ids) -> Logits:
        """Return `(n, hidden)` float32 last hidden states of `(n,)` tokens.

        Raises:
            ExportError: The graph does not give them.
        """
        if HIDDEN not in {output.name for output in self._session.get_outputs()}:
            raise ExportError(
                f"The model in {self.folder} gives no hidden states, only logits.",
                hint="Optimise its run again; where that does not help, embed with another model.",
            )
        past = self._empty_cache(1)
        ids = self._checked(np.asarray(input_ids)[None], past)
        feeds = self._feeds(ids, past, ids.shape[1])
        feeds |= zip(self._past, past.values(), strict=True)
        values = self._session.run_with_ort_values([HIDDEN], feeds, self._options)
        found: Logits = values[0].numpy()[0]
        return found

    def stream(
        self,
        prompt_ids: Ids,
        max_new_tokens: int,
        eos_ids: Collection[int] = (),
        pick: Pick = likeliest,
    ) -> Decoding:
        """Return the next tokens one at a time, up to `max_new_tokens` or an end token.

        The end token is not among them. `pick` takes a token by its `(vocab,)` logits.
        """
        return Decoding(self, prompt_ids, max_new_tokens, eos_ids, pick)

    def generate(
        self, prompt_ids: Ids, max_new_tokens: int, eos_ids: Collection[int] = ()
    ) -> list[int]:
        """Return the new tokens of `stream` as a list."""
        return list(self.stream(prompt_ids, max_new_tokens, eos_ids))

    def _in_place(self, feeds: dict[str, Any], past: Cache, total: int) -> tuple[Logits, Cache]:
        """Let the graph write the new keys and values behind those it reads; nothing is copied."""
        buffers = past.with_room(total)
        feeds |= zip(self._past, buffers.tensors, strict=True)
        grown = dict(zip(self._outputs[1:], buffers.tensors, strict=True))
        logits = bound_run(self._session, feeds, self._outputs[0], grown)
        return logits.numpy(), Cache(buffers.tensors, total, past.rows, buffers)

    def _empty_cache(self, rows: int) -> Cache:
        return empty([[rows, *map(self._size, i.shape[1:])] for i in self._past.values()])

    def _size(self, axis: int | str) -> int:
        """Return an axis of an empty cache: what has a name is a length, or the heads' size."""
        if isinstance(axis, int):
            return axis
        return int(graph_facts(self.folder)["decoder"]["head_size"]) if axis == HEAD_SIZE else 0

    def _feeds(self, ids: npt.NDArray[np.int64], past: Cache, total: int) -> dict[str, Any]:
        from onnxruntime import OrtValue

        positions = np.arange(past.length, total, dtype=np.int64)
        plain = {
            "input_ids": ids,
            "attention_mask": np.ones((len(ids), total), np.int64),
            "position_ids": np.tile(positions, (len(ids), 1)),
        }
        return {name: OrtValue.ortvalue_from_numpy(plain[name]) for name in self._plain}

    def _checked(self, input_ids: npt.NDArray[Any], past: Cache) -> npt.NDArray[np.int64]:
        return checked_ids(input_ids, past.length, self.vocab_size, self.context_length)


def _present(name: str) -> str:
    """Return the output that follows an input of earlier tokens."""
    return f"present.{name.partition('.')[2]}"
