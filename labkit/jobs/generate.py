"""The job of answering: prompts through a base model, a tuned one or an ONNX export."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import data, evaluation, machine, training
from ..errors import RunError
from ..evaluation.kinds import Model, Prompt, Tokenizer
from ..run import Run
from ..runtime import Loaded, PromptForm, prompt_section
from ..runtime.find import find_model
from ..spec import FinetuneSpec, GenerateSpec
from ..spec.optimize import PRECISIONS
from .job import Job, load_tokenizer, model_folder

PAUSE = 0.05
"""Seconds between two records of what was said: a reader sees no more than 20 a second."""

Answers = Sequence[tuple[Prompt, Iterator[str]]]
"""Each prompt as the model was asked it, and the pieces of its answer, found as they are read."""


def generate(job: Job) -> str:
    """Answer prompts one after another, and tell what is said while it is said."""
    spec = job.spec
    assert isinstance(spec, GenerateSpec)
    for prompt, pieces in _answers(job, spec):
        job.emit("answer", prompt=prompt, text=_told(job, pieces))
        if job.should_stop():
            return "stopped"
    return "done"


def _answers(job: Job, spec: GenerateSpec) -> Answers:
    """Return the answers of an ONNX export where one was asked for, else those of PyTorch."""
    named = _named(spec)
    if spec.adapter is not None or spec.source in PRECISIONS or (named and named.job == "optimize"):
        return _exported_answers(spec)
    return _torch_answers(job, spec, named)


def _told(job: Job, pieces: Iterator[str]) -> str:
    """Record pieces as they come, up to the end or a stop request; return what was said."""
    said, waiting, next_time = "", "", 0.0
    for piece in pieces:
        said, waiting = said + piece, waiting + piece
        if job.should_stop():
            break
        if time.monotonic() >= next_time:
            job.emit("piece", text=waiting)
            waiting, next_time = "", time.monotonic() + PAUSE
    return said


def _exported_answers(spec: GenerateSpec) -> Answers:
    """Return the answers of an ONNX export; torch is not loaded."""
    precision = spec.source if spec.source in PRECISIONS else None
    threads = machine.processors()
    loaded = Loaded(find_model(spec.run, precision), adapter=spec.adapter, threads=threads)
    prompts = [loaded.form.filled(text, raw=spec.raw) for text in spec.prompts]
    return list(zip(prompts, _pieces(spec, loaded), strict=True))


def _pieces(spec: GenerateSpec, loaded: Loaded) -> Iterator[Iterator[str]]:
    for number, text in enumerate(spec.prompts):
        if loaded.labels:
            yield iter([next(iter(loaded.score(text, raw=spec.raw)))])
        else:
            yield loaded.stream(text, raw=spec.raw, seed=spec.seed + number, **_how(spec))


def _torch_answers(job: Job, spec: GenerateSpec, tuned: Run | None) -> Answers:
    """Return the answers of a base model or of a tuned one, in PyTorch."""
    settings = tuned.spec if tuned else FinetuneSpec(model=spec.run)
    if not isinstance(settings, FinetuneSpec):
        raise RunError(f"{spec.run} is no fine-tuning.", hint="Name a run of %%finetune.")
    folder = model_folder(settings.model, settings.trust_remote_code, job)
    tokenizer = load_tokenizer(folder, settings.trust_remote_code)
    form = _form(tuned, settings).fitting(tokenizer.chat_template)
    prompts = [form.filled(text, raw=spec.raw) for text in spec.prompts]
    ids = [data.prompt_ids(prompt, tokenizer) for prompt in prompts]
    model: Model
    if not tuned or spec.source != "adapter":
        model = training.load_base(folder, trust_remote_code=settings.trust_remote_code)
    else:
        model = training.load_tuned(folder, tuned.learned, settings)
        if settings.head:
            labels = training.read_labels(tuned.learned)
            chosen = evaluation.head_scores(model, ids).argmax(axis=1)
            return [(prompt, iter([labels[i]])) for prompt, i in zip(prompts, chosen, strict=True)]
    return list(zip(prompts, _streams(spec, model, tokenizer, ids), strict=True))


def _streams(
    spec: GenerateSpec, model: Model, tokenizer: Tokenizer, ids: list[list[int]]
) -> Iterator[Iterator[str]]:
    for number, row in enumerate(ids):
        yield evaluation.stream(model, tokenizer, row, seed=spec.seed + number, **_how(spec))


def _named(spec: GenerateSpec) -> Run | None:
    """Return the run that answers; None where a base model was named."""
    return Run(spec.run) if (Path(spec.run) / "spec.yaml").is_file() else None


def _form(tuned: Run | None, settings: FinetuneSpec) -> PromptForm:
    """Return the form the model was trained on; a base model is asked as a chat's first turn."""
    is_chat = bool(tuned and (tuned.last("example") or {}).get("chat"))
    return PromptForm.of(prompt_section(settings if tuned else None, chat=is_chat))


def _how(spec: GenerateSpec) -> dict[str, Any]:
    """Return when an answer ends and how its tokens are taken."""
    names = ("max_new_tokens", "temperature", "top_k", "top_p")
    return {name: getattr(spec, name) for name in names} | {"stop": spec.stop or ()}
