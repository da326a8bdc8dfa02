"""What several models answered to the same rows: recorded, compared, sampled."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .. import data
from ..evaluation.paired import paired_texts
from ..evaluation.samples import picks
from ..evaluation.scores import METRICS, metrics_for, row_scores, score_texts
from ..evaluation.summaries import lead_1
from ..files import write_text
from ..spec import EvaluateSpec

SHOWN = 5
"""Rows of each kind of sample."""

Evaluations = Mapping[str, dict[str, Any]]
"""What was measured of each model, by its name; the judged one is last."""


def names_of(spec: EvaluateSpec, task: str, examples: Sequence[data.Example]) -> tuple[str, ...]:
    """Return the metrics asked for, or those of the task."""
    return spec.metrics or metrics_for(task, references_of(examples))


def references_of(examples: Sequence[data.Example]) -> list[str]:
    """Return the text that each row expects: its label, or its completion."""
    return [(example.label or example.completion).strip() for example in examples]


def answers_of(found: Mapping[str, Any]) -> list[str]:
    """Return a model's answers, one a row: its labels, or what it wrote."""
    return list(found["predictions"] if "predictions" in found else found["answers"])


def comparisons(
    names: Sequence[str], found: Evaluations, references: Sequence[str], *, seed: int
) -> dict[str, Any]:
    """Compare the judged model with each other by the first metric that rows can tell.

    Returns:
        A paired comparison by the other model's name; none where no metric serves.
    """
    name = by_rows(names)
    judged, texts = list(found)[-1], {who: answers_of(of) for who, of in found.items()}
    if name is None:
        return {}
    return {
        other: {
            "metric": name,
            **asdict(
                paired_texts(
                    name, texts[other], texts[judged], references, seed=seed, names=(other, judged)
                )
            ),
        }
        for other in texts
        if other != judged
    }


def by_rows(names: Sequence[str]) -> str | None:
    """Return the first metric that answers and references suffice for."""
    return next((name for name in names if METRICS[name].counts is not None), None)


def baselines(
    task: str, names: Sequence[str], examples: Sequence[data.Example], *, seed: int
) -> dict[str, Any]:
    """Return rivals that learned nothing: of a summary the first sentence of its document."""
    if task != "summarisation":
        return {}
    asked = [name for name in names if METRICS[name].counts is not None]
    measured = score_texts(lead_1(examples), references_of(examples), asked, seed=seed)
    return {"lead-1": {"metrics": {name: asdict(one) for name, one in measured.items()}}}


def samples(
    names: Sequence[str], examples: Sequence[data.Example], found: Evaluations, *, seed: int
) -> dict[str, Any]:
    """Return the judged model's best and worst rows, and some drawn at random.

    Labels are ordered by the probability of the right one, texts by the first metric of rows.
    """
    name = by_rows(names) or metrics_for("generation")[0]
    judged = list(found.values())[-1]
    scores = _row_scores(name, judged, references_of(examples))
    kinds = picks(scores, SHOWN, seed, higher_is_better="probabilities" in judged or _better(name))
    lines = rows_of(examples, found)
    return {
        "metric": "probability of the right label" if "probabilities" in judged else name,
        **{
            kind: [{**lines[at], "score": float(scores[at])} for at in rows]
            for kind, rows in kinds.items()
        },
    }


def rows_of(examples: Sequence[data.Example], found: Evaluations) -> list[dict[str, Any]]:
    """Return each row with its number, prompt, reference and every model's answer."""
    texts = {name: answers_of(of) for name, of in found.items()}
    return [
        {
            "row": example.row,
            "prompt": example.prompt,
            "reference": reference,
            "answers": {name: answers[at] for name, answers in texts.items()},
        }
        for at, (example, reference) in enumerate(
            zip(examples, references_of(examples), strict=True)
        )
    ]


def write_predictions(path: Path, examples: Sequence[data.Example], found: Evaluations) -> None:
    """Write every row with each model's answer, and of labels each one's probability."""
    lines = rows_of(examples, found)
    for at, line in enumerate(lines):
        line |= {
            "probabilities": {
                name: dict(zip(of["labels"], of["probabilities"][at], strict=True))
                for name, of in found.items()
            }
            if "probabilities" in next(iter(found.values()))
            else {}
        }
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _better(name: str) -> bool:
    return METRICS[name].higher_is_better


def _row_scores(name: str, of: dict[str, Any], references: Sequence[str]) -> np.ndarray:
    if "probabilities" not in of:
        return row_scores(name, answers_of(of), references)
    at = {label: i for i, label in enumerate(of["labels"])}
    pairs = zip(of["probabilities"], references, strict=True)
    return np.array([chances[at[gold]] for chances, gold in pairs])
