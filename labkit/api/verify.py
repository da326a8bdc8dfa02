"""Check an exported model where it shall run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..run import Run

if TYPE_CHECKING:
    from ..export.deploy import Verification


def verify(run: str | Path | Run, precision: str | None = None) -> Verification:
    """Check that an exported model is whole, opens on this machine and answers as it did.

    Args:
        run: A run that was optimised, or the folder of an exported model, on any machine.
        precision: `fp32`, `int8` or `int4`; left out: the one the ladder chose.

    Returns:
        Each check with its sign; `ok` says whether nothing is wrong.

    Raises:
        RunError: There is no such run or export.
    """
    from ..export import deploy
    from ..runtime.find import find_model

    folder = run.path if isinstance(run, Run) else Path(run)
    is_export = precision is None and (folder / deploy.SUMS).is_file()
    return deploy.verify(folder if is_export else find_model(run, precision))
