"""How good is a model: label scoring, metrics with intervals, generation, base beside tuned."""

from .agreement import Agreement, agreement
from .answers import GenerationEvaluation, evaluate_generation
from .classify import Evaluation, evaluate_classification
from .compare import Change, Comparison, TextComparison, compare, compare_texts
from .evaluate import evaluate
from .generation import continuations, generate, stream
from .head import head_scores
from .labels import label_scores, whole_sequence_scores
from .measure import Measure
from .modes import base_and_tuned, evaluating, without_adapter
from .own import own_metric, own_row_scores
from .paired import Paired, paired_difference, paired_texts
from .rows import LabelRows, content_free_prompt, label_rows
from .samples import picks
from .scores import METRICS, metrics_for, row_scores, score_texts
from .summaries import lead_1

__all__ = [
    "METRICS",
    "Agreement",
    "Change",
    "Comparison",
    "Evaluation",
    "GenerationEvaluation",
    "LabelRows",
    "Measure",
    "Paired",
    "TextComparison",
    "agreement",
    "base_and_tuned",
    "compare",
    "compare_texts",
    "content_free_prompt",
    "continuations",
    "evaluate",
    "evaluate_classification",
    "evaluate_generation",
    "evaluating",
    "generate",
    "head_scores",
    "label_rows",
    "label_scores",
    "lead_1",
    "metrics_for",
    "own_metric",
    "own_row_scores",
    "paired_difference",
    "paired_texts",
    "picks",
    "row_scores",
    "score_texts",
    "stream",
    "whole_sequence_scores",
    "without_adapter",
]
