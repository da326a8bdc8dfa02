"""An exported model, opened in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..run import Run

if TYPE_CHECKING:
    from ..runtime import Loaded


def load(
    run: str | Path | Run,
    *,
    precision: str | None = None,
    adapter: str | None = None,
    threads: int | None = None,
) -> Loaded:
    """Open an exported model: it generates, scores and embeds here, without torch.

    Args:
        run: A run that was optimised; a base model whose export carries adapters; or the folder
            of an exported model, also one copied from another machine.
        precision: `fp32`, `int8` or `int4`; left out: the one the ladder chose.
        adapter: Adapter to switch on, where the export holds several.
        threads: Threads per operator; left out: ONNX Runtime's own choice.

    Raises:
        RunError: There is no such run, export or adapter.
        ExportError: The folder is not whole.
    """
    from ..runtime import Loaded
    from ..runtime.find import find_model

    return Loaded(find_model(run, precision), adapter=adapter, threads=threads)
