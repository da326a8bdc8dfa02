"""The jobs a worker can do: fine-tune, optimise, generate; each says how it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import catalog, data, machine, report, training
from .run import AnySpec, Run
from .spec import FinetuneSpec, GenerateSpec, OptimizeSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PACKAGES = ("labkit", "torch", "transformers", "peft", "accelerate", "onnxruntime")


@dataclass(frozen=True)
class Job:
    """One job: where it is recorded, what to do, whom to tell, when to stop."""

    path: Path
    """The run's folder."""

    spec: AnySpec
    """What to do."""

    emit: Callable[..., None]
    """Appends one event to the record."""

    should_stop: Callable[[], bool]
    """Whether the run was asked to stop."""

    resume: bool
    """Whether to go on from the last checkpoint."""

    def notes(self, texts: Sequence[str]) -> None:
        """Record sentences for the reader."""
        for text in texts:
            self.emit("note", text=text)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Record how far a stage is."""
        self.emit("stage", name=stage, done=done, total=total)


def finetune(job: Job) -> str:
    """Data, training, evaluation, report."""
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits = data.load(spec)
    job.notes(splits.notes)
    tokenizer, model = load_model(spec.model, spec.trust_remote_code, job.progress)
    tokens = _tokens(job, splits, tokenizer, spec.max_length)
    _write_environment(job, splits)
    result = training.train(
        model,
        tokenizer,
        tokens["train"],
        tokens["validation"],
        spec,
        output_dir=job.path,
        emit=job.emit,
        should_stop=job.should_stop,
        on_evaluate=_sampler(job, splits, tokenizer),
        resume=job.resume,
    )
    if result.status == "stopped":
        return "stopped"
    _evaluate(job, result, tokenizer, splits)
    report.write_card(Run(job.path))
    report.write_report(Run(job.path))
    return "done"


def optimize(job: Job) -> str:
    """Merge, export, quantise, check, measure."""
    spec = job.spec
    assert isinstance(spec, OptimizeSpec)
    raise NotImplementedError


def generate(job: Job) -> str:
    """Answer prompts."""
    spec = job.spec
    assert isinstance(spec, GenerateSpec)
    raise NotImplementedError


def load_model(
    name: str, trust_remote_code: bool, progress: Callable[[str, int, int], None]
) -> tuple["PreTrainedTokenizerBase", Any]:
    """Return tokenizer and model in fp32, fetched if need be."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(machine.processors())
    folder = catalog.resolve_model(name, trust_remote_code=trust_remote_code, progress=progress)
    options = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    return tokenizer, model


JOBS: dict[str, Callable[[Job], str]] = {
    "finetune": finetune,
    "optimize": optimize,
    "generate": generate,
}
