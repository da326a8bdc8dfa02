"""The training inside a job: rows as they are learned, faults, the plan, samples on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .. import data, evaluation, faults, training
from ..evaluation.kinds import Model, Tokenizer
from ..spec import FinetuneSpec
from ..training import processes
from ..training.schedule import batch_sentence
from .crew import crew
from .job import Job
from .learning import head_labels, own_loss, teacher, to_learn
from .planning import Planner
from .received import tell_received

if TYPE_CHECKING:
    from ..training import AdapterFacts, TrainResult


@dataclass(frozen=True)
class Start:
    """What a training begins with."""

    job: Job
    """Its settings, and whom to tell."""

    splits: data.Splits
    """The rows."""

    tokenizer: Tokenizer
    """Of the model."""

    rows: Mapping[str, Sequence[data.Tokens]]
    """The rows as tokens, by split."""

    ready: Callable[[int | None], Model]
    """Called with the outputs of a new head, if any; returns the model ready to learn."""

    planner: Planner | None = None
    """Foresees the training once more when the model is ready; None where nothing does."""

    @property
    def spec(self) -> FinetuneSpec:
        """The settings."""
        assert isinstance(self.job.spec, FinetuneSpec)
        return self.job.spec


def trained(start: Start) -> tuple["TrainResult", "AdapterFacts"]:
    """Train, and let go of the model; return what came of it and how much learned."""
    with crew(start.job, start.spec.processes):
        processes.agreed(lambda: start.spec)
        return train_one(start)


def train_one(start: Start) -> tuple["TrainResult", "AdapterFacts"]:
    """Train as one of the run's processes; see `trained`."""
    job, spec, splits, rows = start.job, start.spec, start.splits, start.rows
    labels = head_labels(spec, splits)
    learn, loss = to_learn(rows, splits, spec), own_loss(job, spec)
    fault, pad = faults.of(job.path), start.tokenizer.pad_token_id or 0
    learn = {name: fault.rows(part, pad) for name, part in learn.items()}
    tell_received(job, learn, start.tokenizer)
    model = start.ready(len(labels) or None)
    plan = training.plan(model, learn["train"], spec)
    job.emit("plan", batch=batch_sentence(spec), **asdict(plan))
    job.emit("stage", name="training", done=0, total=1)
    result = training.train(
        model,
        start.tokenizer,
        learn["train"],
        learn["validation"],
        spec,
        output_dir=job.path,
        emit=job.emit,
        should_stop=job.should_stop,
        on_evaluate=_sampler(job, splits, rows["validation"], start.tokenizer),
        resume=job.resume,
        labels=labels,
        own_loss=loss,
        teacher=teacher(job, spec, start.tokenizer),
        on_ready=_on_ready(fault, start.planner, spec, learn["train"]),
        change_batch=fault.batch,
    )
    return result, training.adapter_facts(model)


def _on_ready(
    fault: faults.Fault, planner: Planner | None, spec: FinetuneSpec, rows: Sequence[data.Tokens]
) -> Callable[[Model, Any], FinetuneSpec]:
    """Return what is done before the first step: the plan, and a fault where one was put in."""

    def on_ready(model: Model, how: Any) -> FinetuneSpec:  # noqa: ANN401 - training's, not imported
        planned = processes.agreed(lambda: planner.measure(model, how, rows) if planner else spec)
        return fault.ready(model, planned)

    return on_ready


def _sampler(
    job: Job, splits: data.Splits, rows: Sequence[data.Tokens], tokenizer: Tokenizer
) -> Callable[[Any, int], None]:
    """Return a function that lets the model answer a few validation rows and records them."""
    assert isinstance(job.spec, FinetuneSpec)
    n_samples = 0 if job.spec.embeds else job.spec.n_samples
    chosen = list(zip(splits.validation, rows, strict=True))[:n_samples]
    longest = max((len(row.input_ids) - row.n_prompt for _, row in chosen), default=1)

    prompts = [row.input_ids[: row.n_prompt] for _, row in chosen]

    def answered(model: Model) -> list[str]:
        if not training.has_head(model):
            return evaluation.generate(model, tokenizer, prompts, min(longest + 4, 64))
        return [splits.labels[i] for i in evaluation.head_scores(model, prompts).argmax(axis=1)]

    def sample(model: Model, step: int) -> None:
        for (example, _), answer in zip(chosen, answered(model) if chosen else (), strict=True):
            expected = example.completion.strip()
            job.emit(
                "sample", step=step, prompt=example.prompt, expected=expected, answer=answer.strip()
            )

    return sample
