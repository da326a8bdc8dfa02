"""From a fine-tuned model to a small ONNX model: merge, export, quantise, check, measure."""

from .check import Parity, compare_logits
from .merge import merge, merge_adapter
from .optimize import optimize
from .tie import tie_int8_embedding
from .tuned import Tuned, refuse_unexportable, refuse_unmergeable
from .work import HeldOut

__all__ = [
    "HeldOut",
    "Parity",
    "Tuned",
    "compare_logits",
    "merge",
    "merge_adapter",
    "optimize",
    "refuse_unexportable",
    "refuse_unmergeable",
    "tie_int8_embedding",
]
