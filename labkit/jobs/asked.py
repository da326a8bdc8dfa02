"""Prompts on their way through a model: an ONNX export, or a base or tuned model in PyTorch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, evaluation, machine, training
from ..data.prompts import text_ids
from ..errors import RunError
from ..evaluation.kinds import Model, Prompt, Tokenizer
from ..run import Run
from ..runtime import Loaded, PromptForm, log_softmax, prompt_section
from ..runtime.find import find_model
from ..spec import FinetuneSpec, GenerateSpec
from ..spec.optimize import PRECISIONS
from .held import Held
from .job import Job, load_tokenizer, model_folder

HELD = Held()
"""Of use to a worker that stays."""


@dataclass(frozen=True)
class Asked:
    """One prompt on its way through a model."""

    prompt: Prompt
    """As the model is asked it."""

    pieces: Iterator[str]
    """The answer, found as it is read."""

    n_tokens: Callable[[], int]
    """Returns how many tokens were found so far."""

    probabilities: Callable[[], Mapping[str, float]] = dict
    """Returns each label's probability to be the answer, the likeliest first; empty for none."""


def exported_answers(spec: GenerateSpec) -> list[Asked]:
    """Return the answers of an ONNX export; torch is not loaded."""
    precision = spec.source if spec.source in PRECISIONS else None
    threads = machine.processors()
    loaded = Loaded(find_model(spec.run, precision), adapter=spec.adapter, threads=threads)
    prompts = [loaded.form.filled(text, raw=spec.raw) for text in spec.prompts]
    return [_of_export(spec, loaded, number, prompt) for number, prompt in enumerate(prompts)]


def _of_export(spec: GenerateSpec, loaded: Loaded, number: int, prompt: Prompt) -> Asked:
    text, seed = spec.prompts[number], spec.seed + number
    scored = partial(_exported_probabilities, spec, loaded, text)
    if loaded.labels:
        return Asked(prompt, _likeliest(scored), lambda: 1, scored)
    stream = loaded.stream(text, raw=spec.raw, seed=seed, **_how(spec))
    return Asked(prompt, stream, lambda: stream.n_new_tokens, scored)


def _exported_probabilities(spec: GenerateSpec, loaded: Loaded, text: str) -> dict[str, float]:
    if not spec.labels and not loaded.labels:
        return {}
    return loaded.score(text, spec.labels, raw=spec.raw)


def torch_answers(job: Job, spec: GenerateSpec, tuned: Run | None) -> list[Asked]:
    """Return the answers of a base model or of a tuned one, in PyTorch."""
    settings = tuned.spec if tuned else FinetuneSpec(model=spec.run)
    if not isinstance(settings, FinetuneSpec):
        raise RunError(f"{spec.run} is no fine-tuning.", hint="Name a run of %%finetune.")
    folder = model_folder(settings.model, settings.trust_remote_code, job)
    if settings.embeds:
        raise RunError(
            f"{spec.run} learned embeddings: it writes nothing.",
            hint="%evaluate says what it finds; labkit.training.embeddings gives its numbers.",
        )
    tokenizer = load_tokenizer(folder, settings.trust_remote_code)
    form = _form(tuned, settings).fitting(tokenizer.chat_template)
    prompts = [form.filled(text, raw=spec.raw) for text in spec.prompts]
    ids = [data.prompt_ids(prompt, tokenizer) for prompt in prompts]
    learned = tuned.learned if tuned and spec.source == "adapter" else None
    model = _model(job, folder, learned, settings)
    if learned and settings.head:
        return _headed(model, training.read_labels(learned), prompts, ids)
    torch = Torch(spec, model, tokenizer, form)
    return [
        torch.asked(number, *pair) for number, pair in enumerate(zip(prompts, ids, strict=True))
    ]


def _model(job: Job, folder: Path, learned: Path | None, settings: FinetuneSpec) -> Model:
    """Return a base model, or with what a run learned; held from an earlier question or loaded."""

    def load() -> Model:
        job.emit("stage", name="loading model")
        if learned is None:
            return training.load_base(folder, trust_remote_code=settings.trust_remote_code)
        return training.load_tuned(folder, learned, settings)

    files = learned.iterdir() if learned else ()
    written = max((file.stat().st_mtime_ns for file in files), default=0)
    return HELD.get((folder, learned, written), load)


def _headed(
    model: Model, labels: Sequence[str], prompts: Sequence[Prompt], ids: Sequence[list[int]]
) -> list[Asked]:
    """Return the answers of a model with a classification head: labels, each by one pass."""

    def scored(row: list[int]) -> dict[str, float]:
        return _sorted(labels, evaluation.head_scores(model, [row])[0])

    return [
        Asked(prompt, _likeliest(partial(scored, row)), lambda: 1, partial(scored, row))
        for prompt, row in zip(prompts, ids, strict=True)
    ]


def _likeliest(scored: Callable[[], dict[str, float]]) -> Iterator[str]:
    """Yield the label that comes first, once it is asked for."""
    yield next(iter(scored()))


@dataclass(frozen=True)
class Torch:
    """A model in PyTorch and how it is asked."""

    spec: GenerateSpec
    model: Model
    tokenizer: Tokenizer
    form: PromptForm

    def asked(self, number: int, prompt: Prompt, ids: list[int]) -> Asked:
        """Return one of the prompts with its answer, which is found as it is read."""
        found: list[int] = []
        how = _how(self.spec) | {"seed": self.spec.seed + number, "tell": found.append}
        pieces = evaluation.stream(self.model, self.tokenizer, ids, **how)
        scored = partial(self._probabilities, self.spec.prompts[number], ids)
        return Asked(prompt, pieces, lambda: len(found), scored)

    def _probabilities(self, text: str, ids: list[int]) -> dict[str, float]:
        labels, raw = self.spec.labels or (), self.spec.raw
        if not labels:
            return {}
        written = [self.form.completion(text, label, raw=raw) for label in labels]
        tokens = text_ids(written, self.tokenizer)
        return _sorted(
            labels, evaluation.label_scores(self.model, self.tokenizer, [ids], tokens)[0]
        )


def _sorted(labels: Sequence[str], scores: np.ndarray) -> dict[str, float]:
    """Return each label's probability by its score in nats, the likeliest first."""
    chances = np.exp(log_softmax(scores)).tolist()
    return dict(sorted(zip(labels, chances, strict=True), key=lambda one: -one[1]))


def _form(tuned: Run | None, settings: FinetuneSpec) -> PromptForm:
    """Return the form the model was trained on; a base model is asked as a chat's first turn."""
    is_chat = bool(tuned and (tuned.last("example") or {}).get("chat"))
    return PromptForm.of(prompt_section(settings if tuned else None, chat=is_chat))


def _how(spec: GenerateSpec) -> dict[str, Any]:
    """Return when an answer ends and how its tokens are taken."""
    names = ("max_new_tokens", "temperature", "top_k", "top_p")
    return {name: getattr(spec, name) for name in names} | {"stop": spec.stop or ()}
