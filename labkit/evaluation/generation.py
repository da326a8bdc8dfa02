"""New text after prompts: greedy or sampled, whole or piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..errors import DataError
from ..runtime import Sampling, Writing
from ..runtime.text import cut, pieces, until
from .kinds import Model, Progress, Prompt, Rows, Tokenizer
from .modes import evaluating
from .padding import extended, longest_padded, opening

if TYPE_CHECKING:
    import torch

BATCH_ROWS = 16
"""Most prompts answered at once."""

BATCH_TOKENS = 2048
"""Most prompt and answer tokens, padding included, of one batch."""

GREEDY = Sampling()
"""Takes the likeliest token."""

Pick = Callable[["torch.Tensor"], "torch.Tensor"]


def generate(  # noqa: PLR0913 - all but four are by name
    model: Model,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    stop: Sequence[str] = (),
    seed: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Return only the new text after each prompt.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer.
        prompts: Token ids, text or messages of each prompt.
        max_new_tokens: Most tokens to write; the end token ends earlier.
        temperature: 0 takes the likeliest token; above it, tokens are drawn.
        top_k: Draw among this many of the likeliest tokens only.
        top_p: Draw among the likeliest tokens that together have this probability.
        stop: Texts that end an answer; they are not part of it.
        seed: Makes drawn tokens repeatable; each row draws from its own stream.
        progress: Called with (prompts answered, prompts in all).
    """
    how = Writing(max_new_tokens, tuple(stop), Sampling(temperature, top_k, top_p))
    ids, ends = [token_ids(prompt, tokenizer) for prompt in prompts], stop_ids(model, tokenizer)
    found = continuations(model, ids, max_new_tokens, ends, how.sampling, seed, progress)
    return [cut(_text(tokenizer, tokens), how.stop) for tokens in found]


def continuations(  # noqa: PLR0913 - what `generate` takes, of ids
    model: Model,
    ids: Rows,
    max_new_tokens: int,
    ends: Collection[int] = (),
    sampling: Sampling = GREEDY,
    seed: int | None = None,
    progress: Progress | None = None,
) -> list[list[int]]:
    """Return the new tokens after each row of token ids, up to the first of `ends`."""
    found, done = [list[int]() for _ in ids], 0
    for rows in _batches([len(row) for row in ids], max_new_tokens, longest_padded(model)):
        pick = picker(rows, sampling, seed)
        steps = decode(model, [ids[i] for i in rows], pick, set(ends), max_new_tokens)
        for i, tokens in zip(rows, zip(*steps, strict=True), strict=False):
            found[i] = [token for token in tokens if token is not None]
        done += len(rows)
        if progress:
            progress(done, len(ids))
    return found


def stream(  # noqa: PLR0913 - all but four are by name
    model: Model,
    tokenizer: Tokenizer,
    prompt: Prompt,
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    stop: Sequence[str] = (),
    seed: int | None = None,
    tell: Callable[[int], None] = lambda token: None,
) -> Iterator[str]:
    """Yield the new text after one prompt in pieces; joined, they are what `generate` returns.

    The settings are those of `generate`; `tell` is called with each new token.
    """
    how = Writing(max_new_tokens, tuple(stop), Sampling(temperature, top_k, top_p))
    rows, pick = [token_ids(prompt, tokenizer)], picker([0], how.sampling, seed)
    steps = decode(model, rows, pick, stop_ids(model, tokenizer), max_new_tokens)
    tokens = (step[0] for step in steps if step[0] is not None)
    return until(pieces(partial(_text, tokenizer), _told(tokens, tell)), how.stop)


def _told(tokens: Iterator[int], tell: Callable[[int], None]) -> Iterator[int]:
    for token in tokens:
        tell(token)
        yield token


def decode(
    model: Model, rows: Rows, pick: Pick, stop: set[int], max_new_tokens: int
) -> Iterator[list[int | None]]:
    """Yield the next token of every row, step by step; None for a row that has ended."""
    live = [True] * len(rows)
    with evaluating(model):
        reader, inputs, cache = opening(model, rows)
    for _ in range(max_new_tokens):
        with evaluating(model):
            out = reader(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
            chosen = pick(out.logits[:, -1].float())  # (rows,)
        tokens, cache = chosen.tolist(), out.past_key_values
        live = [on and t not in stop for on, t in zip(live, tokens, strict=True)]
        if not any(live):
            return
        yield [t if on else None for on, t in zip(live, tokens, strict=True)]
        inputs = extended(inputs, chosen)


def picker(rows: Sequence[int], how: Sampling, seed: int | None) -> Pick:
    """Return the function from `(rows, vocabulary)` logits to the `(rows,)` tokens taken."""
    import torch

    if how.temperature == 0:
        return lambda logits: logits.argmax(-1)
    sources = [torch.Generator() for _ in rows]
    for row, source in zip(rows, sources, strict=True):
        _ = source.seed() if seed is None else source.manual_seed(seed + row)

    def draw(logits: torch.Tensor) -> torch.Tensor:
        chances = _likely(logits.cpu() / how.temperature, how).softmax(-1)
        drawn = [
            torch.multinomial(c, 1, generator=g) for c, g in zip(chances, sources, strict=True)
        ]
        return torch.cat(drawn).to(logits.device)

    return draw


def _likely(scores: torch.Tensor, how: Sampling) -> torch.Tensor:
    """Return `(rows, vocabulary)` scores in which tokens beyond top_k and top_p are -inf."""
    from transformers import TopKLogitsWarper, TopPLogitsWarper

    no_ids: torch.Tensor = scores[:, :0]  # the warpers ask for what was read and do not use it
    if how.top_k is not None:
        scores = TopKLogitsWarper(how.top_k)(no_ids, scores)
    return TopPLogitsWarper(how.top_p)(no_ids, scores) if how.top_p < 1 else scores


def stop_ids(model: Model, tokenizer: Tokenizer) -> set[int]:
    """Return the tokens that end an answer, the model's and the tokenizer's."""
    ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    listed = ends if isinstance(ends, list) else [ends]
    return {end for end in (*listed, tokenizer.eos_token_id) if end is not None}


def token_ids(prompt: Prompt, tokenizer: Tokenizer) -> list[int]:
    """Return a prompt's token ids; text and messages are rendered as they were in training."""
    from ..data import prompt_ids

    is_ids = not isinstance(prompt, str) and all(isinstance(t, int) for t in prompt)
    ids = list(prompt) if is_ids else prompt_ids(prompt, tokenizer)
    if not ids:
        raise DataError("A prompt must have at least one token; got 0.", "Write a prompt.")
    return ids


def _batches(lengths: Sequence[int], new: int, padded: float) -> Iterator[list[int]]:
    """Yield row numbers, longest prompts first, so that neighbours need little padding.

    Prompts that end up with more than `padded` tokens stand beside others of their length only.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        longest = lengths[order[0]]
        size = max(1, min(BATCH_ROWS, BATCH_TOKENS // (longest + new)))
        if longest + new > padded:
            size = min(size, sum(lengths[i] == longest for i in order))
        batch, order = order[:size], order[size:]
        yield batch


def _text(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    text: str = tokenizer.decode(list(ids), skip_special_tokens=True)
    return text
