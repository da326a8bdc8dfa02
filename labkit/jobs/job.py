"""A job as its folder, its spec and the ways to tell about it; loading what all jobs need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .. import catalog, data, faults, machine, training
from ..evaluation.kinds import Tokenizer
from ..files import write_json
from ..spec import AnySpec, FinetuneSpec

PACKAGES = ("labkit", "torch", "transformers", "peft", "accelerate", "onnxruntime")
"""Packages whose versions a result depends on."""


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

    def progress(self, stage: str) -> Callable[[int, int], None]:
        """Return a function that records how far a stage is, in tenths."""
        last = -1

        def record(done: int, total: int) -> None:
            nonlocal last
            if (tenth := 10 * done // max(total, 1)) > last:
                last = tenth
                self.emit("stage", name=stage, done=done, total=total)

        return record

    def fetching(self, stage: str, done: int, total: int) -> None:
        """Record how far the fetching of a model is."""
        self.emit("stage", name=stage, done=done, total=total)


def model_folder(name: str, trust_remote_code: bool, job: Job) -> Path:
    """Return the local folder of a model, fetched if need be."""
    return catalog.resolve_model(name, trust_remote_code=trust_remote_code, progress=job.fetching)


@lru_cache(maxsize=4)  # a worker that stays is asked again and again
def load_tokenizer(folder: Path, trust_remote_code: bool) -> Tokenizer:
    """Return the tokenizer of a model's folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(
        folder, trust_remote_code=trust_remote_code, local_files_only=True
    )


def opened(job: Job, settings: FinetuneSpec) -> tuple[data.Splits, Path, Tokenizer]:
    """Return what a fine-tuning's settings name: rows, the base model's folder, its tokenizer."""
    splits = faults.of(job.path).splits(data.load(settings))
    folder = model_folder(settings.model, settings.trust_remote_code, job)
    training.check_kind(folder, settings)
    return splits, folder, load_tokenizer(folder, settings.trust_remote_code)


def write_environment(job: Job, fingerprint: str) -> None:
    """Keep what another person needs to get the same result."""
    facts = {
        "machine": machine.facts(),
        "versions": machine.versions(*PACKAGES),
        "threads": machine.processors(),
        "seed": job.spec.seed,
        "data_fingerprint": fingerprint,
    }
    write_json(job.path / "env.json", facts)
