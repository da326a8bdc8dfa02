"""Rows that are too long: how many tokens their prompts lose, and when that is refused."""

from collections.abc import Sequence

from ..errors import DataError

Ids = list[int]


def cuts_of(
    prompts: Sequence[Ids],
    completions: Sequence[Ids],
    rows: Sequence[int],
    start: Ids,
    max_length: int,
) -> list[int]:
    """Return how many tokens each prompt must lose, `(rows,)`.

    Args:
        prompts: Token ids, start token included.
        completions: Token ids, end token included.
        rows: Row numbers, for messages.
        start: The start token, or nothing.
        max_length: Longest row, tokens.
    """
    lengths = [len(p) + len(c) for p, c in zip(prompts, completions, strict=True)]
    cuts = [max(0, length - max_length) for length in lengths]
    if any(cuts):
        keep = len(start) + _marker_length(prompts)
        needs = [min(keep, len(p)) + len(c) for p, c in zip(prompts, completions, strict=True)]
        _refuse_lost(rows, needs, [len(ids) for ids in completions], max_length)
    return cuts


def shorter(prompt: Ids, cut: int, start: Ids) -> Ids:
    """Return the prompt without its first `cut` tokens; a start token stays."""
    if not cut:
        return prompt
    kept = start if prompt[: len(start)] == start else []
    return kept + prompt[len(kept) + cut :]


def cut_notes(cuts: Sequence[int], max_length: int) -> list[str]:
    """Return a sentence on what was cut, if anything was."""
    long = sum(cut > 0 for cut in cuts)
    if not long:
        return []
    return [
        f"{long} of {len(cuts)} rows are longer than max_length {max_length}: "
        f"{sum(cuts)} prompt tokens were cut from their start."
    ]


def _marker_length(prompts: Sequence[Ids]) -> int:
    """Return how many tokens all prompts end with, at least 1; 1 if all prompts are one."""
    backwards = [ids[::-1] for ids in prompts]
    low, high = min(backwards), max(backwards)  # the two that differ first
    if low == high:
        return 1
    pairs = zip(low, high, strict=False)
    shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(low), len(high)))
    return max(1, shared)


def _refuse_lost(
    rows: Sequence[int], needs: Sequence[int], sizes: Sequence[int], max_length: int
) -> None:
    lost = [i for i, need in enumerate(needs) if need > max_length]
    if lost:
        first = lost[0]
        raise DataError(
            f"The completion of row {rows[first]} ({sizes[first]} tokens) does not fit into "
            f"max_length {max_length} with the end of its prompt; so it is in {len(lost)} of "
            f"{len(needs)} rows.",
            hint=f"Set max_length: {max(needs)} or more, or shorten the completions.",
        )
