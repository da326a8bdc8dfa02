"""Compare an exported model with the one it came from."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ExportError
from ..runtime import log_softmax
from .torch_model import Answering, Logits, TorchModel, generate_all

N_GREEDY = 3
"""Rows that are continued greedily."""

N_NEW = 24
"""Tokens of each continuation."""

SLICE = 16
"""Tokens compared in one go; their probabilities are held several times over."""

GREEDY = ("first_difference", "n_new_tokens")
"""What is known only where rows were continued."""


@dataclass(frozen=True)
class Parity:
    """How far a model is from its reference, over the tokens of some rows."""

    max_abs_logit_diff: float
    """Largest difference of any logit."""

    kl: float
    """Mean divergence from the reference's next-token distribution, nats per token."""

    top1_agreement: float
    """Share of tokens whose likeliest next token is the same, from 0 to 1."""

    perplexity_ratio: float | None
    """Perplexity of the rows' own tokens over the reference's; None where no row has two."""

    n_tokens: int
    """Tokens compared."""

    first_difference: int | None = None
    """Number of greedy tokens before the first that differs; None when all are the same."""

    n_new_tokens: int = 0
    """Greedy tokens compared on each of the continued rows."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; without those of greedy tokens where no row was continued."""
        left_out = () if self.n_new_tokens else GREEDY
        return {key: value for key, value in asdict(self).items() if key not in left_out}


@dataclass(frozen=True)
class Reference:
    """What the PyTorch model answers, kept so that it needs no memory during the comparison."""

    rows: list[list[int]]
    """Token ids."""

    logits: Iterable[Logits]
    """`(n, vocab)` of each row; what a model answers is computed as it is looked at."""

    greedy: list[list[int]]
    """Greedy new tokens after each of the first rows."""

    def save(self, folder: Path) -> None:
        """Write the reference to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, logits in enumerate(self.logits):
            np.save(folder / f"logits-{number}.npy", logits)
        tokens = {"rows": self.rows, "greedy": self.greedy}
        (folder / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Reference":
        """Read what `save` wrote; a row's logits are mapped while they are looked at."""
        tokens = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
        paths = [folder / f"logits-{number}.npy" for number in range(len(tokens["rows"]))]
        return cls(logits=Mapped(paths), **tokens)


@dataclass(frozen=True)
class Mapped:
    """Arrays on the disk, each in memory only while it is looked at."""

    paths: list[Path]

    def __iter__(self) -> Iterator[Logits]:
        return (np.load(path, mmap_mode="r") for path in self.paths)


def reference_of(
    model: Answering,
    rows: list[list[int]],
    n_new_tokens: int = N_NEW,
    n_greedy: int = N_GREEDY,
) -> Reference:
    """Return the logits of a model, and the greedy continuations of the first `n_greedy` rows."""
    if not rows or not all(rows):
        hint = "Give rows of at least one token."
        raise ExportError("Parity needs rows to compare on; got an empty one or none.", hint)
    return Reference(
        rows, _logits_of(model, rows), generate_all(model, rows[:n_greedy], n_new_tokens)
    )


def compare_logits(
    torch_model: Any,  # noqa: ANN401 - a torch module
    other: Answering,
    rows: list[list[int]],
    n_new_tokens: int = N_NEW,
) -> Parity:
    """Return how far `other` is from `torch_model` on rows of token ids."""
    return compare(reference_of(TorchModel(torch_model), rows, n_new_tokens), other)


def compare(reference: Reference, model: Answering) -> Parity:
    """Return how far `model` is from a reference."""
    answers = _logits_of(model, reference.rows)
    three = zip(reference.rows, reference.logits, answers, strict=True)
    found = np.concatenate([_differences(*one) for one in three])
    growth = found[~np.isnan(found[:, 3]), 3]
    return Parity(
        max_abs_logit_diff=float(found[:, 0].max()),
        kl=float(found[:, 1].mean()),
        top1_agreement=float(found[:, 2].mean()),
        perplexity_ratio=float(np.exp(growth.mean())) if len(growth) else None,
        n_tokens=len(found),
        first_difference=min(_first_differences(reference, model), default=None),
        n_new_tokens=min(map(len, reference.greedy), default=0),
    )


def _logits_of(model: Answering, rows: list[list[int]]) -> Iterator[Logits]:
    """Yield what a model answers to each row, computed as it is asked for."""
    if isinstance(model, TorchModel):
        return model.logits_of(rows)
    return (model.logits(row)[0] for row in rows)


def _differences(row: list[int], wanted: Logits, got: Logits) -> npt.NDArray[np.float64]:
    """Return `(n, 4)` after each token: see `_slice`."""
    following = np.full(len(wanted), -1)
    if len(wanted) == len(row):  # a classifier has one answer a row
        following[:-1] = row[1:]
    starts = range(0, len(wanted), SLICE)
    parts = (slice(start, start + SLICE) for start in starts)
    return np.concatenate([_slice(following[part], wanted[part], got[part]) for part in parts])


def _slice(
    following: npt.NDArray[np.int64], wanted: Logits, got: Logits
) -> npt.NDArray[np.float64]:
    """Return `(n, 4)`: largest logit difference, divergence, agreement, growth of the loss.

    Args:
        following: `(n,)` the token that comes next; -1 for none.
        wanted: `(n, vocab)` logits of the reference.
        got: `(n, vocab)` logits of the model.
    """
    before, after = log_softmax(wanted), log_softmax(got)
    largest = np.abs(wanted - got).max(axis=-1)
    kl = (np.exp(before) * (before - after)).sum(axis=-1)
    same = wanted.argmax(axis=-1) == got.argmax(axis=-1)
    at = np.arange(len(following))
    growth = np.where(following < 0, np.nan, (before - after)[at, following])
    return np.stack([largest, kl, same, growth], axis=1)


def _first_differences(reference: Reference, model: Answering) -> Iterator[int]:
    """Yield where each greedy continuation leaves the reference, for those that do."""
    for row, wanted in zip(reference.rows, reference.greedy, strict=False):
        if isinstance(model, TorchModel):
            got = model.following(row, wanted)
        else:
            got = model.generate(row, len(wanted))
        pairs = enumerate(zip(wanted, got, strict=True))
        place = next((i for i, (a, b) in pairs if a != b), None)
        if place is not None:
            yield place
