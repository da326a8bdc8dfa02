"""From a fine-tuned model to a small ONNX model: merge, export, quantise, check, measure."""

from .check import Parity, compare_logits
from .gates import Gates
from .held_out import HeldOut, text_rows
from .kept import is_kept
from .ladder import climb
from .merge import merge, merge_adapter
from .quantize import tie_int8_embedding
from .request import Request
from .tuned import Tuned, refuse_unexportable, refuse_unmergeable

__all__ = [
    "Gates",
    "HeldOut",
    "Parity",
    "Request",
    "Tuned",
    "climb",
    "compare_logits",
    "is_kept",
    "merge",
    "merge_adapter",
    "refuse_unexportable",
    "refuse_unmergeable",
    "text_rows",
    "tie_int8_embedding",
]
