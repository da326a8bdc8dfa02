"""New text after prompts: greedy or sampled, whole or piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import DataError, SpecError
from .kinds import Model, Progress, Prompt, Rows, Tokenizer
from .modes import evaluating
from .padding import extended, longest_padded, opening

if TYPE_CHECKING:
    import torch

BATCH_ROWS = 16
"""Most prompts answered at once."""

BATCH_TOKENS = 2048
"""Most prompt and answer tokens, padding included, of one batch."""

Pick = Callable[["torch.Tensor"], "torch.Tensor"]


def generate(  # noqa: PLR0913 - all but four are by name
    model: Model,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
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
        seed: Makes drawn tokens repeatable; each row draws from its own stream.
        progress: Called with (prompts answered, prompts in all).
    """
    _check(max_new_tokens, temperature)
    ids = [token_ids(prompt, tokenizer) for prompt in prompts]
    stop, texts, done = stop_ids(model, tokenizer), [""] * len(ids), 0
    for rows in _batches([len(row) for row in ids], max_new_tokens, longest_padded(model)):
        steps = decode(
            model, [ids[i] for i in rows], picker(rows, temperature, seed), stop, max_new_tokens
        )
        for i, tokens in zip(rows, zip(*steps, strict=True), strict=False):
            texts[i] = _text(tokenizer, [t for t in tokens if t is not None])
        done += len(rows)
        if progress:
            progress(done, len(ids))
    return texts


def stream(
    model: Model,
    tokenizer: Tokenizer,
    prompt: Prompt,
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    seed: int | None = None,
) -> Iterator[str]:
    """Yield the new text after one prompt in pieces; joined, they are what `generate` returns."""
    _check(max_new_tokens, temperature)
    rows, pick = [token_ids(prompt, tokenizer)], picker([0], temperature, seed)
    steps = decode(model, rows, pick, stop_ids(model, tokenizer), max_new_tokens)
    return pieces(tokenizer, (step[0] for step in steps if step[0] is not None))


def pieces(tokenizer: Tokenizer, tokens: Iterable[int]) -> Iterator[str]:
    """Yield text as its tokens arrive, holding back a character whose bytes are not all there."""
    ids: list[int] = []
    sent = 0
    for token in tokens:
        ids.append(token)
        text = _text(tokenizer, ids)
        ready = len(text.rstrip("\ufffd"))
        if ready > sent:
            yield text[sent:ready]
            sent = ready
    rest = _text(tokenizer, ids)[sent:]
    if rest:
        yield rest


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


def picker(rows: Sequence[int], temperature: float, seed: int | None) -> Pick:
    """Return the function from `(rows, vocabulary)` logits to the `(rows,)` tokens taken."""
    import torch

    if temperature == 0:
        return lambda logits: logits.argmax(-1)
    sources = [torch.Generator() for _ in rows]
    for row, source in zip(rows, sources, strict=True):
        _ = source.seed() if seed is None else source.manual_seed(seed + row)

    def draw(logits: torch.Tensor) -> torch.Tensor:
        chances = (logits.cpu() / temperature).softmax(-1)
        drawn = [
            torch.multinomial(c, 1, generator=g) for c, g in zip(chances, sources, strict=True)
        ]
        return torch.cat(drawn).to(logits.device)

    return draw


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


def _check(max_new_tokens: int, temperature: float) -> None:
    if max_new_tokens < 1:
        hint = "Ask for 16 for a label, 128 for a paragraph."
        raise SpecError(f"max_new_tokens must be at least 1; got {max_new_tokens!r}.", hint)
    if not 0 <= temperature < float("inf"):
        hint = "0 takes the likeliest token each time; 0.7 is lively."
        raise SpecError(f"temperature must be 0 or more; got {temperature!r}.", hint)


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
