"""From a fine-tuned model to a small ONNX model: merge, export, quantise, check, measure."""

from .check import Parity, compare_logits
from .merge import merge_adapter
from .onnx_model import OnnxModel
from .optimize import optimize
from .scoring import label_scores_onnx
from .tie import tie_int8_embedding
from .work import HeldOut

__all__ = [
    "HeldOut",
    "OnnxModel",
    "Parity",
    "compare_logits",
    "label_scores_onnx",
    "merge_adapter",
    "optimize",
    "tie_int8_embedding",
]
