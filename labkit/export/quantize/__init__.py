"""fp32 ONNX weights in 8 or 4 bits, and one matrix for embedding and head."""

from .nodes import quantize_onnx
from .rotary import compute_rotary
from .scales import halve_scales
from .tie import tie_int8_embedding

__all__ = ["compute_rotary", "halve_scales", "quantize_onnx", "tie_int8_embedding"]
