"""What magic, command and program call: fine-tune, resume, optimise, generate."""

from .finetune import Preview, finetune, load_data, preview, resume
from .generate import Answers, generate
from .optimize import optimize
from .staging import attach

__all__ = [
    "Answers",
    "Preview",
    "attach",
    "finetune",
    "generate",
    "load_data",
    "optimize",
    "preview",
    "resume",
]
