"""Every event of a run as TensorBoard logs, beside the record: `<run>/tensorboard/`."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import extra
from . import checkpoints

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
"""Folder of the logs in a run's folder."""

SILENT = ("time", "kind", "step", "max_steps", "done", "total")
"""Values of an event that say when it was, not what was measured."""


@contextmanager
def mirrored(emit: Callable[..., None], path: Path) -> Iterator[Callable[..., None]]:
    """Give an `emit` that records as before and writes the same as TensorBoard logs.

    A resumed run goes on in the same folder; what it takes again replaces what was there.

    Args:
        emit: Records one event: `emit(kind, **values)`.
        path: The run's folder.

    Raises:
        MissingExtra: TensorBoard is not installed.
    """
    with extra("tensorboard"):
        from torch.utils.tensorboard import SummaryWriter
    saved = checkpoints.newest(path / "checkpoints")
    start = checkpoints.step_of(saved) if saved else 0
    logs = path / FOLDER
    writer = SummaryWriter(str(logs), purge_step=start + 1 if logs.exists() else None)
    mirror = Mirror(writer, start)

    def both(kind: str, **values: Any) -> None:  # noqa: ANN401 - JSON values
        emit(kind, **values)
        mirror.write(kind, values)

    try:
        yield both
    finally:
        writer.close()


class Mirror:
    """Writes events as scalars and texts at the step that they belong to.

    Args:
        writer: Where to.
        step: Step of events before the first one that names its own.
    """

    def __init__(self, writer: "SummaryWriter", step: int = 0) -> None:
        self._writer = writer
        self._step = step

    def write(self, kind: str, values: dict[str, Any]) -> None:
        """Write one event: each number as a scalar `kind/name`, its words as one text."""
        self._step = int(values.get("step", self._step))
        measured = _flat({k: v for k, v in values.items() if k not in SILENT})
        for name, value in measured.items():
            if _is_number(value):
                self._writer.add_scalar(f"{kind}/{name}", value, self._step)
        said = [f"**{name}**: {value}" for name, value in measured.items() if not _is_number(value)]
        if said:
            self._writer.add_text(kind, "  \n".join(said), self._step)
        if kind in ("eval", "end"):
            self._writer.flush()


def _flat(values: dict[str, Any], lead: str = "") -> dict[str, Any]:
    """Return nested values by names as `gflops/fp32`; what is None is left out."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{lead}{name}/")
        elif value is not None:
            found[f"{lead}{name}"] = value
    return found


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON values
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
