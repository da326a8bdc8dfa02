"""What a run should do: plain valid values that print, compare and come from YAML, flags or code.

The fields in this folder are the only place for a setting's name, default, rule and meaning: flags,
YAML keys, completion and help are made from them.
"""

from .adapters import AdaptersSpec
from .adopt import AdoptSettings, AdoptSpec
from .combine import CombineSettings, CombineSpec
from .crossing import CrossSpec
from .evaluate import EvaluateSpec, MergeSpec
from .finetune import FinetuneSpec
from .generate import GenerateSpec
from .losses import LOSSES, Loss, loss_defaults, loss_unit
from .methods import METHODS, Method
from .optimize import OptimizeSpec
from .serve import ServeSpec
from .source import TASKS
from .sweep import SweepSpec

AnySpec = (
    FinetuneSpec
    | OptimizeSpec
    | GenerateSpec
    | EvaluateSpec
    | MergeSpec
    | SweepSpec
    | AdaptersSpec
    | CrossSpec
)
"""The settings of any job."""

SPECS: dict[
    str,
    type[FinetuneSpec]
    | type[OptimizeSpec]
    | type[GenerateSpec]
    | type[EvaluateSpec]
    | type[MergeSpec]
    | type[SweepSpec]
    | type[AdaptersSpec]
    | type[CrossSpec],
] = {
    "finetune": FinetuneSpec,
    "find_lr": FinetuneSpec,
    "plan": FinetuneSpec,
    "optimize": OptimizeSpec,
    "generate": GenerateSpec,
    "evaluate": EvaluateSpec,
    "merge": MergeSpec,
    "sweep": SweepSpec,
    "join": SweepSpec,
    "adapters": AdaptersSpec,
    "adopt": AdoptSpec,
    "combine": CombineSpec,
    "cross_evaluate": CrossSpec,
}
"""Each job's kind of settings."""

__all__ = [
    "LOSSES",
    "METHODS",
    "SPECS",
    "TASKS",
    "AdaptersSpec",
    "AdoptSettings",
    "AdoptSpec",
    "AnySpec",
    "CombineSettings",
    "CombineSpec",
    "CrossSpec",
    "EvaluateSpec",
    "FinetuneSpec",
    "GenerateSpec",
    "Loss",
    "MergeSpec",
    "Method",
    "OptimizeSpec",
    "ServeSpec",
    "SweepSpec",
    "loss_defaults",
    "loss_unit",
]
