"""Whether what a search varies can be searched: values, losses, the points of a grid."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice, product
from typing import Any

from ..errors import SpecError, listed
from .losses import LOSSES
from .space import Dimension

COMBINATIONS = 500
"""Most combinations looked at to see whether a value can be used."""

Space = Mapping[str, Dimension]
"""What is varied, by the name of the setting."""

Made = Callable[[Mapping[str, Any]], object]
"""Makes a trial of drawn values; a SpecError where they do not go together."""


def check_values(space: Space, trial: Made) -> None:
    """Refuse a value that no trial could have, whatever the others are."""
    for name, dimension in space.items():
        others = {n: of.ends for n, of in space.items() if n != name}
        combinations = [
            dict(zip(others, ends, strict=True))
            for ends in islice(product(*others.values()), COMBINATIONS)
        ]
        for value in dimension.ends:
            _check_value({name: value}, combinations, trial)


def _check_value(one: dict[str, Any], others: Iterable[Mapping[str, Any]], trial: Made) -> None:
    refused = None
    for rest in others:
        try:
            trial({**rest, **one})
        except SpecError as error:
            refused = refused or error
        else:
            return
    if refused is not None:
        raise SpecError(f"search_space: {refused.problem}", hint=refused.hint)


def check_losses(space: Space, loss: str, judged_by_loss: bool) -> None:
    """Refuse trials that are compared by losses which mean different things.

    Args:
        space: What is varied.
        loss: Of the settings that are the same for all trials.
        judged_by_loss: Whether the validation loss decides over trials.
    """
    own = {"loss", *(name for known in LOSSES.values() for name in known.defaults)}
    odd = next((name for name in space if name in own), None)
    if odd and judged_by_loss:
        raise SpecError(
            f"search_space: {odd} changes what the validation loss means, by which trials are "
            "compared.",
            hint="Take metric_for_best_model: accuracy (or another) and pruner: none.",
        )
    if loss not in LOSSES:
        raise SpecError(
            f"A search takes {listed([*LOSSES])}; got the loss {loss!r}.",
            hint="Try a loss of your own with %%finetune.",
        )


def check_grid(space: Space) -> None:
    """Refuse a grid in which the values of a range have no distance."""
    for name, dimension in space.items():
        if dimension.points is None:
            raise SpecError(
                f"A grid needs values or a step for {name}; got {dimension}.",
                hint=f"For example {name}: {list(dimension.ends)}, or sampler: random.",
            )
