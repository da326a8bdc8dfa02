"""How good is a model: label scoring, metrics with intervals, generation, base beside tuned."""

from .answers import GenerationEvaluation, evaluate_generation
from .classify import Evaluation, evaluate_classification
from .compare import Change, Comparison, compare
from .evaluate import LabelRows, evaluate, label_rows
from .generation import generate, stream
from .labels import label_scores, whole_sequence_scores
from .modes import base_and_tuned, evaluating, without_adapter

__all__ = [
    "Change",
    "Comparison",
    "Evaluation",
    "GenerationEvaluation",
    "LabelRows",
    "base_and_tuned",
    "compare",
    "evaluate",
    "evaluate_classification",
    "evaluate_generation",
    "evaluating",
    "generate",
    "label_rows",
    "label_scores",
    "stream",
    "whole_sequence_scores",
    "without_adapter",
]
