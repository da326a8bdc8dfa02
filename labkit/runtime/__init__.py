"""Answer with an exported model: plain ONNX Runtime, no torch."""

from ..data.text_tokenizer import TextTokenizer
from .answering import Stream, Writing
from .cache import Cache
from .loaded import Loaded
from .onnx_model import OnnxModel
from .prompt import PromptForm, prompt_section
from .sampling import Sampling
from .scoring import label_scores_onnx, log_softmax, with_end

__all__ = [
    "Cache",
    "Loaded",
    "OnnxModel",
    "PromptForm",
    "Sampling",
    "Stream",
    "TextTokenizer",
    "Writing",
    "label_scores_onnx",
    "log_softmax",
    "prompt_section",
    "with_end",
]
