"""What was learned, token by token: padding, answers that are cut, no end, labels out of place."""

import math
from collections.abc import Sequence
from statistics import fmean

from ..data import Tokens
from .evidence import Evidence
from .finding import Finding

UNENDED = 0.01
"""Share of the rows without an end from which it is no accident of single rows."""

PLACE = 0.5
"""Targets a row that have to be missing in the steps, or too many in the rows: labels shifted once
more lose one in each row, so half of one is the middle between a shift and none."""

ERRORS = 4.0
"""Standard errors by which some rows may differ from others: those of a part of an epoch from all,
those that were learned from those that the settings name."""

WIDE = 0.05
"""Share of the rows that lose some of their prompt from which it is said."""


def pad_tokens(seen: Evidence) -> Finding | None:
    """More targets were learned than the rows have."""
    counted, wanted = seen.learns, _targets(seen)
    if counted is None or wanted is None:
        return None
    chance = ERRORS * counted["targets_spread"] * math.sqrt(counted["rows"])
    if counted["targets"] <= wanted + max(chance, PLACE * counted["rows"]):
        return None
    return Finding(
        "pad_tokens_in_loss",
        f"{counted['targets']:,} tokens were learned; the answers of the rows and their ends have "
        f"{wanted:,}. What is more can only be padding: the loss counts tokens that say nothing.",
        "results",
        "Mask the padding (labels of -100), as labkit does: train again with these settings.",
        {},
        {"learned": counted["targets"], "in the rows": wanted},
        "target tokens",
    )


def no_end(seen: Evidence) -> Finding | None:
    """Rows do not end as a turn does: none of them, or those that were too long."""
    counted = seen.learns
    if counted is None or not seen.learns_text:
        return None
    missing = counted["rows"] - counted["ended"]
    if missing <= UNENDED * counted["rows"]:
        return None
    measured = {"rows": counted["rows"], "rows with an end": counted["ended"]}
    said = f"{missing} of {counted['rows']} rows that were learned have no end token"
    if missing == counted["rows"]:
        return Finding(
            "end_token_missing",
            f"{said}: the model never saw where an answer stops, and goes on writing.",
            "template",
            "Let each completion end with the end token, as labkit does: train again.",
            {}, measured, "rows",
        )  # fmt: skip
    return Finding(
        "truncated_answers",
        f"{said}, and no row is longer than {counted['longest']} tokens: long rows lost the end "
        "of their answer.",
        "results",
        f"Let the longest row fit (max_length: {_longest(seen)}), and train again.",
        {"max_length": _longest(seen)} if _longest(seen) > seen.spec.max_length else {},
        measured,
        "rows",
    )


def shifted(seen: Evidence) -> Finding | None:
    """Each row lost a target between the rows and the loss."""
    counted, rows = seen.learns, rows_in_steps(seen)
    if counted is None or rows == 0 or not seen.learns_text:
        return None
    each = counted["targets"] / counted["rows"]
    learned = sum(step["tokens"] for step in seen.steps) / rows
    part = rows % counted["rows"]  # whole passes see every row, and differ by nothing
    error = counted["targets_spread"] * math.sqrt(part) / rows
    if each - learned <= max(PLACE, ERRORS * error):
        return None
    return Finding(
        "shifted_labels",
        f"The rows have {each:.2f} targets each, the loss counted {learned:.2f}: one of each row "
        "fell out, as it does where labels are shifted by a place twice. The model learns the "
        "token after the next one.",
        "results",
        "Shift labels once: Transformers' models do it themselves. Train again.",
        {},
        {"in the rows": each, "in the loss": learned},
        "targets a row",
    )


def cut_prompts(seen: Evidence) -> Finding | None:
    """Many rows are longer than max_length and lose the start of their prompt."""
    if seen.tokens is None:
        return None
    most = seen.spec.max_length
    long = [row for row in seen.tokens if len(row.input_ids) > most]
    if len(long) <= WIDE * len(seen.tokens):
        return None
    return Finding(
        "cut_prompts",
        f"{len(long)} of {len(seen.tokens)} training rows are longer than max_length {most} and "
        f"lose the start of their prompt; the longest has {_longest(seen)} tokens.",
        "results",
        f"max_length: {_longest(seen)}.",
        {"max_length": _longest(seen)},
        {"all rows": len(seen.tokens), "rows that are cut": len(long)},
        "rows",
    )


def rows_in_steps(seen: Evidence) -> int:
    """Return how many rows the steps were made of, the shorter last step of each pass counted."""
    n, steps = (seen.learns or {"rows": 0})["rows"], len(seen.steps)
    if n == 0:
        return 0
    passes, rest = divmod(steps, math.ceil(n / seen.spec.batch_size))
    return int(passes * n + min(n, rest * seen.spec.batch_size))


def mean_targets(rows: Sequence[Tokens] | None) -> float | None:
    """Return the targets of a row, on average; None where rows are not at hand."""
    return fmean(len(row.input_ids) - row.n_prompt for row in rows) if rows else None


def _targets(seen: Evidence) -> int | None:
    each = mean_targets(seen.tokens)
    return None if each is None or not seen.learns_text else round(each * len(seen.tokens or ()))


def _longest(seen: Evidence) -> int:
    sizes = [len(row.input_ids) for row in seen.tokens or ()]
    return max([seen.spec.max_length, *sizes])
