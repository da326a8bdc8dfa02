"""The first rows as the model will see them, and what is to be known of the rest."""

from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from .. import catalog, data
from ..data.examples import Example, Splits, Tokens
from ..errors import DataError
from ..spec import FinetuneSpec
from .pieces import visible

MEASURED = 1000
"""Training rows whose tokens are counted."""

SHOWN = 3
"""Rows on the page at a time."""

LONG = 1200
"""Characters of a row that are shown at each end."""

ROW_SETTINGS = (
    "data", "split", "eval_split", "test_split", "eval_share", "group_by", "task", "text_template",
    "prompt_template", "completion_template", "limit", "augment", "augment_copies", "seed",
)  # fmt: skip
"""Settings that say which rows there are and how they read."""

MARK = (
    "text-decoration:underline;text-decoration-thickness:2px;text-underline-offset:3px;"
    "background:rgba(46,160,67,0.22)"
)
CUT = "text-decoration:line-through;opacity:0.6"


@dataclass(frozen=True)
class SeenRow:
    """One row as the model sees it."""

    number: int
    cut: str
    """What is cut from its start."""

    prompt: str
    learned: str
    """Text of the tokens with a loss."""

    sizes: tuple[int, int, int] | None
    """Tokens cut, tokens kept, tokens with a loss; None without a tokenizer."""


@dataclass(frozen=True)
class Preview:
    """Rows of a data set, and what the plan needs to know of them."""

    splits: Splits
    rows: tuple[SeenRow, ...]
    first: int
    """Place of the first of `rows` among the training rows, from 0."""

    notes: tuple[str, ...]
    tokens_per_row: float | None
    """Mean of the training rows, after cuts; None without a tokenizer."""

    measured: int
    """Training rows that were counted for it."""


def previewed(spec: FinetuneSpec, first: int = 0) -> Preview:
    """Read the rows and return some of them as the model will see them.

    Raises:
        LabError: The rows cannot be used so, or have to be fetched first.
    """
    splits = _splits(_rows_only(spec), _stamp(spec.data))
    folder = catalog.model_at_hand(spec.model)
    first = first if first < len(splits.train) else 0
    chosen = splits.train[first : first + SHOWN]
    notes = splits.notes
    if folder is None:
        note = f"{spec.model} is fetched when the run starts; its tokens are known from then on."
        rows = tuple(SeenRow(one.row, "", one.prompt, one.completion, None) for one in chosen)
        return Preview(splits, rows, first, (note, *notes), None, 0)
    tokenizer = _tokenizer(folder)
    examples = splits.train[: max(MEASURED, first + SHOWN)]
    tokenize = data.tokenize_for(spec)
    tokens, more = tokenize(examples, tokenizer, max_length=spec.max_length)
    mean = sum(len(row.input_ids) for row in tokens) / len(tokens)
    whole, _ = tokenize(chosen, tokenizer, max_length=2**40)
    each = zip(chosen, whole, tokens[first:], strict=False)
    seen = (_seen(example, full, kept, tokenizer) for example, full, kept in each)
    rows = tuple(map(_with_head, seen, chosen)) if spec.head else tuple(seen)
    return Preview(splits, rows, first, (*more, *notes), mean, len(tokens))


def preview_html(found: Preview) -> str:
    """Return the rows as HTML: what is learned underlined, what is cut struck through."""
    total = len(found.splits.train)
    last = found.first + len(found.rows)
    head = f"<div>Training rows {found.first + 1} to {last} of {total}; {_legend(found)}</div>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    fold = f"<details><summary>Notes ({len(found.notes)})</summary><ul>{notes}</ul></details>"
    return head + "".join(map(_row_html, found.rows)) + (fold if notes else "")


def _legend(found: Preview) -> str:
    cut = any(row.cut for row in found.rows)
    also = f', what is <span style="{CUT}">struck through</span> is cut' if cut else ""
    return f'the loss is on what is <span style="{MARK}">underlined</span>{also}.'


def _row_html(row: SeenRow) -> str:
    said = f"row {row.number}"
    if row.sizes is not None:
        cut, kept, learned = row.sizes
        said += f" · {kept} tokens, {learned} learned" + (f" · ✂ {cut} cut" if cut else "")
    cut_text = f'<span style="{CUT}">{visible(row.cut, LONG)}</span>' if row.cut else ""
    learned_text = f'<span style="{MARK}">{visible(row.learned, LONG)}</span>'
    return (
        f'<div class="labkit-seen"><div class="labkit-small">{said}</div><pre tabindex="0" '
        f'aria-label="{said}">{cut_text}{visible(row.prompt, LONG)}{learned_text}</pre></div>'
    )


def _seen(example: Example, whole: Tokens, kept: Tokens, tokenizer: Any) -> SeenRow:  # noqa: ANN401
    cut = len(whole.input_ids) - len(kept.input_ids)
    start = len(tokenizer.start_ids) if cut else 0
    return SeenRow(
        number=example.row,
        cut=tokenizer.shown(whole.input_ids[start : start + cut]),
        prompt=tokenizer.shown(kept.input_ids[: kept.n_prompt]),
        learned=tokenizer.shown(kept.input_ids[kept.n_prompt :]),
        sizes=(cut, len(kept.input_ids), len(kept.input_ids) - kept.n_prompt),
    )


def _with_head(row: SeenRow, example: Example) -> SeenRow:
    """Return a row whose label is the number of an output, not a text."""
    assert row.sizes is not None
    cut, kept, learned = row.sizes
    return replace(row, learned=f" → {example.label}", sizes=(cut, kept - learned + 1, 1))


def _rows_only(spec: FinetuneSpec) -> FinetuneSpec:
    """Return the spec with the settings that say which rows there are, and no others."""
    return FinetuneSpec(**{name: getattr(spec, name) for name in ROW_SETTINGS})


def _stamp(name: str) -> int:
    """Return when a file of rows was last written."""
    path = Path(name).expanduser()
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=4)  # a slider of the training moves while the rows stay
def _splits(spec: FinetuneSpec, _written: int) -> Splits:
    is_hub = data.is_hub_id(spec.data, Path(spec.data).expanduser())
    if is_hub or not catalog.data_at_hand(spec.data):
        raise DataError(
            f"The rows of {spec.data} are fetched when the run starts.",
            hint=f"To see them here first, run %data {spec.data}." if not is_hub else
            "To see them here first, save them as a file.",
        )  # fmt: skip
    return data.load(spec)


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Any:  # noqa: ANN401 - RowTokenizer
    from ..data.row_tokenizer import RowTokenizer

    return RowTokenizer(folder)
