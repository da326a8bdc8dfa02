"""The jobs a worker can do: fine-tune, optimise, generate; each says how it ended."""

from collections.abc import Callable

from .finetune import finetune
from .generate import generate
from .job import Job
from .optimize import optimize

JOBS: dict[str, Callable[[Job], str]] = {
    "finetune": finetune,
    "optimize": optimize,
    "generate": generate,
}

__all__ = ["JOBS", "Job"]
