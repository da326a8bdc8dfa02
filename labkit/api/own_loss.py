"""A loss that a person writes in Python, on its way from where it was written to the worker."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import sent
from ..errors import SpecError, near
from ..run import Run
from ..spec import LOSSES, FinetuneSpec
from .own_metrics import from_file


def found(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which the name of a loss of one's own is replaced by the function.

    The name is that of a variable of the notebook or program, or `losses.py:mine`.

    Raises:
        SpecError: The file has no such function.
    """
    loss = settings.get("loss")
    if not isinstance(loss, str) or loss in LOSSES:
        return dict(settings)
    path, _, name = loss.rpartition(":")
    if path.endswith(".py"):
        return {**settings, "loss": from_file(Path(path), name)}
    variable = vars(sys.modules["__main__"]).get(loss)
    return {**settings, "loss": variable} if callable(variable) else dict(settings)


def named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the name of a loss in place of a function, as a spec holds them.

    Raises:
        SpecError: The function has no name of its own, or that of a loss that there is.
    """
    loss = settings.get("loss")
    if not callable(loss):
        return dict(settings)
    name = sent.name_of(loss)
    if not name.isidentifier() or name in LOSSES:
        raise SpecError(
            f"A loss of your own must have a name that no other loss has; got {name!r}.",
            hint="Write it with def: def my_loss(model_output, batch): …",
        )
    return {**settings, "loss": name}


def packed(spec: FinetuneSpec, settings: Mapping[str, Any]) -> bytes | None:
    """Return the function of a spec as it is sent, or None where the loss is one of labkit's.

    Args:
        spec: The settings, checked.
        settings: What they were made of; `loss` holds the function.

    Raises:
        SpecError: There is no function of that name, or it cannot be sent.
    """
    if spec.loss in LOSSES:
        return None
    if not callable(settings.get("loss")):
        raise SpecError(
            f"There is no loss {spec.loss!r}, and no function of that name here.",
            hint=near(spec.loss, LOSSES, "Run the cell that defines it, or give loss=function."),
        )
    return sent.pack(settings["loss"])


def keep(run: Run, settings: Mapping[str, Any], data: bytes | None) -> None:
    """Put what `packed` returned into the folder of a run."""
    if data is not None:
        sent.keep(run.path, settings["loss"], data)
