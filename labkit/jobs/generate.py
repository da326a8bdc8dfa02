"""The job of answering: prompts through a base model, a tuned one or an ONNX export."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..run import Run, is_answered_by_export
from ..spec import GenerateSpec
from .asked import Asked, exported_answers, torch_answers
from .job import Job

PAUSE = 0.05
"""Seconds between two records of what was said: a reader sees no more than 20 a second."""


def generate(job: Job) -> str:
    """Answer prompts one after another, and tell what is said while it is said."""
    spec = job.spec
    assert isinstance(spec, GenerateSpec)
    for asked in _answers(job, spec):
        told = _told(job, asked)
        if not job.should_stop():
            told["probabilities"] = asked.probabilities()
        job.emit("answer", prompt=asked.prompt, **told)
        if job.should_stop():
            return "stopped"
    return "done"


def _answers(job: Job, spec: GenerateSpec) -> Sequence[Asked]:
    """Return the answers of an ONNX export where one was asked for, else those of PyTorch."""
    if is_answered_by_export(spec):
        return exported_answers(spec)
    return torch_answers(job, spec, _named(spec))


def _told(job: Job, asked: Asked) -> dict[str, Any]:
    """Record pieces as they come, up to the end or a stop request.

    Returns:
        What was said, its tokens, and the seconds to its first and to its last piece.
    """
    said, waiting, next_time = "", "", 0.0
    start, times = time.monotonic(), []
    for piece in asked.pieces:
        times.append(time.monotonic() - start)
        said, waiting = said + piece, waiting + piece
        if job.should_stop():
            break
        if time.monotonic() >= next_time:
            job.emit("piece", text=waiting)
            waiting, next_time = "", time.monotonic() + PAUSE
    times = times or [time.monotonic() - start]
    found = {"first_token_seconds": times[0], "seconds": times[-1]}
    return {"text": said, "n_tokens": asked.n_tokens(), **found}


def _named(spec: GenerateSpec) -> Run | None:
    """Return the run that answers; None where a base model was named."""
    return Run(spec.run) if (Path(spec.run) / "spec.yaml").is_file() else None
