"""Fine-tune, evaluate and export small language models from a notebook."""

from typing import Any

from .api import (
    add_metrics,
    adopt,
    combine,
    cross_evaluate,
    data_report,
    delete,
    diagnose,
    evaluate,
    explain_olive,
    find_lr,
    finetune,
    generate,
    job_file,
    load,
    load_data,
    merge,
    olive,
    olive_export,
    optimize,
    plan,
    prepare,
    preview,
    rate,
    ratings,
    resume,
    scaling,
    show_code,
    sweep,
    verify,
)
from .catalog import untrained
from .errors import LabError
from .run import Run, all_runs
from .spec import FinetuneSpec, GenerateSpec, OptimizeSpec, SweepSpec

__version__ = "0.1.0"
__all__ = [
    "FinetuneSpec",
    "GenerateSpec",
    "LabError",
    "OptimizeSpec",
    "Run",
    "SweepSpec",
    "add_metrics",
    "adopt",
    "all_runs",
    "combine",
    "cross_evaluate",
    "data_report",
    "delete",
    "diagnose",
    "evaluate",
    "explain_olive",
    "find_lr",
    "finetune",
    "generate",
    "job_file",
    "load",
    "load_data",
    "merge",
    "olive",
    "olive_export",
    "optimize",
    "plan",
    "prepare",
    "preview",
    "rate",
    "ratings",
    "resume",
    "scaling",
    "show_code",
    "sweep",
    "untrained",
    "verify",
]


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython is not typed
    """Register the magics: `%load_ext labkit`."""
    from . import notebook

    notebook.load(shell)


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython is not typed
    """Take the magics back: `%unload_ext labkit`."""
    from . import notebook

    notebook.unload(shell)
