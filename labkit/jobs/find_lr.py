"""The job of finding a learning rate: rows, the range test, what its losses say."""

from dataclasses import asdict
from typing import Any

from .. import catalog, report, training
from ..files import write_json
from ..run import Run
from ..spec import FinetuneSpec
from ..training.schedule import batch_sentence
from .job import Job, opened, write_environment
from .learning import head_labels, own_loss, teacher, to_learn, tokens


def find_lr(job: Job) -> str:
    """Data, the test, report; no weights are kept."""
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    job.notes(catalog.model_notes(spec.model, folder))
    labels = head_labels(spec, splits)
    every = tokens(job, splits, tokenizer, spec)
    rows = to_learn({"train": every["train"]}, splits, spec)["train"]
    write_environment(job, splits.fingerprint)
    job.emit("stage", name="training at growing rates", done=0, total=1)
    found = training.find_lr(
        training.load_model(folder, spec),
        tokenizer,
        rows,
        spec,
        output_dir=job.path,
        emit=job.emit,
        should_stop=job.should_stop,
        labels=labels,
        own_loss=own_loss(job, spec),
        teacher=teacher(job, spec, tokenizer),
    )
    if found is None:
        return "stopped"
    write_json(job.path / "metrics.json", asdict(found) | _facts(job, spec))
    report.write_report(Run(job.path))
    return "done"


def _facts(job: Job, spec: FinetuneSpec) -> dict[str, Any]:
    probes = Run(job.path).of("lr_probe")
    return {
        "method": spec.method,
        "batch": batch_sentence(spec),
        "first_loss": probes[0]["loss"],
        "lowest_loss": min(probe["smoothed"] for probe in probes),
    }
