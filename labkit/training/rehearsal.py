"""A rehearsal: a run's model takes a few probe steps; only what they cost is kept."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Tokens
from ..spec import FinetuneSpec
from .decide import Case, computing, decide, pad_token_of
from .forecast import Anatomy, Calibration
from .forecast.probe import probe
from .pairs import sides
from .ready import ready
from .surroundings import quiet, reproducible

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


def rehearse(  # noqa: PLR0913 - the one way in; all but four are by name
    model: "nn.Module",
    tokenizer: "PreTrainedTokenizerBase | None",
    rows: Sequence[Tokens],
    spec: FinetuneSpec,
    *,
    body: Anatomy,
    output_dir: Path,
    emit: Callable[..., None],
    labels: Sequence[str] = (),
) -> Calibration:
    """Return what a pass costs on this machine; `model` takes no step.

    Args:
        model: The base model, or one that is ready to learn.
        tokenizer: Gives the padding token.
        rows: The training rows.
        spec: The settings.
        body: Sizes of the model.
        output_dir: Where the choice of precision and layout is written.
        emit: Called as `emit(kind, **values)`, kinds `note`, `precision` and `check`.
        labels: What a head tells apart.
    """
    with quiet(), reproducible(spec.seed):
        tuned = ready(model, spec, rows, labels)
        how = decide(Case(tuned, spec, sides(rows), emit), pad_token_of(tokenizer), output_dir)
        with computing(tuned, how):
            return probe(tuned, rows, spec, how, body)
