"""Answer with an exported model: plain ONNX Runtime, no torch."""

from .onnx_model import Cache, OnnxModel
from .scoring import label_scores_onnx, log_softmax

__all__ = ["Cache", "OnnxModel", "label_scores_onnx", "log_softmax"]
