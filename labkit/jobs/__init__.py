"""The jobs a worker can do: fine-tune, evaluate, optimise, …; each says how it ended."""

from collections.abc import Callable

from .adopt import adopt
from .attempt import attempt
from .combine import combine
from .crew import beside
from .cross_evaluate import cross_evaluate
from .evaluate import evaluate
from .find_lr import find_lr
from .finetune import finetune
from .generate import generate
from .job import Job
from .merge import merge
from .optimize import optimize
from .plan import plan
from .several import several
from .sweep import join, sweep

JOBS: dict[str, Callable[[Job], str]] = {
    "finetune": finetune,
    "find_lr": find_lr,
    "plan": plan,
    "optimize": optimize,
    "generate": generate,
    "evaluate": evaluate,
    "merge": merge,
    "sweep": sweep,
    "join": join,
    "adapters": several,
    "adopt": adopt,
    "combine": combine,
    "cross_evaluate": cross_evaluate,
}

__all__ = ["JOBS", "Job", "attempt", "beside"]
