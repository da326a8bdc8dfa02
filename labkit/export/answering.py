"""Models as a comparison and a question see them, whichever kind of graph or module they are."""

from pathlib import Path
from typing import Any

from ..runtime import OnnxModel, label_scores_onnx
from ..runtime.folder import section
from .torch_model import TorchModel, generate_all


def open_onnx(folder: Path, target: str = "cpu", *, threads: int | None = None) -> Any:  # noqa: ANN401
    """Return the model of an ONNX folder: causal, or what its `labkit.json` says it is."""
    if is_classifier(folder):
        from ..runtime.classifier import OnnxClassifier

        return OnnxClassifier(folder, threads=threads)
    return OnnxModel(folder, threads=threads, target=None if target == "cpu" else target)


def is_classifier(folder: Path) -> bool:
    """Whether a folder's graph gives one row of logits a text, over labels."""
    return bool(section(folder, "model").get("kind") == "classifier")


def ask_onnx(model: Any, question: dict[str, Any]) -> list[Any]:  # noqa: ANN401 - of `open_onnx`
    """Return a model's answer to each prompt: a label, or the ids of new tokens."""
    prompts = question["prompts"]
    if not isinstance(model, OnnxModel):
        return [model.labels[int(model.logits(row)[0][-1].argmax())] for row in prompts]
    if "labels" in question:
        scores = label_scores_onnx(model, prompts, question["completions"])
        return [question["labels"][best] for best in scores.argmax(axis=1)]
    return _written(model, question)


def ask_torch(model: Any, question: dict[str, Any], learned: Path | None) -> list[Any]:  # noqa: ANN401
    """As `ask_onnx`, for a PyTorch model; `learned` names the outputs of a classification head."""
    from .. import evaluation, training

    prompts = question["prompts"]
    if learned and training.has_head(model):
        labels = training.read_labels(learned)
        return [labels[best] for best in evaluation.head_scores(model, prompts).argmax(axis=1)]
    if "labels" in question:
        no_end = 0  # no label begins another: see `HeldOut.completions`
        scores = evaluation.label_scores(model, no_end, prompts, question["completions"])
        return [question["labels"][best] for best in scores.argmax(axis=1)]
    return _written(TorchModel(model), question)


def _written(model: Any, question: dict[str, Any]) -> list[Any]:  # noqa: ANN401 - either kind
    """Return the likeliest new tokens after each prompt."""
    most, ends = question["max_new_tokens"], question["ends"]
    return generate_all(model, question["prompts"], most, ends)
