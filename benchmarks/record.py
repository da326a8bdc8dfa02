"""What the benchmarks share: runs that are kept from call to call, and figures as PNG."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import labkit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def kept_run(name: str, **settings: Any) -> labkit.Run:
    """Return the run of this name: finished before, resumed, or new."""
    try:
        run = labkit.Run(name)
    except labkit.LabError:
        return labkit.finetune(name=name, **settings)
    return run if run.status == "done" else labkit.resume(name)


def png(figure: "Figure") -> bytes:
    """Return a figure as a PNG file."""
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
