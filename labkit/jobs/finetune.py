"""The job of fine-tuning: rows, training, base beside tuned, report."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import catalog, data, evaluation, machine, report, training
from ..evaluation.kinds import Model, Tokenizer
from ..files import write_json
from ..run import Run
from ..spec import FinetuneSpec
from ..training.schedule import batch_sentence
from .job import Job, load_model, load_tokenizer, model_folder, write_environment

if TYPE_CHECKING:
    from ..training import TrainResult


def finetune(job: Job) -> str:
    """Data, training, evaluation, report."""
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits = data.load(spec)
    folder = model_folder(spec.model, spec.trust_remote_code, job)
    job.notes(catalog.model_notes(spec.model, folder))
    tokenizer = load_tokenizer(folder, spec.trust_remote_code)
    rows = _tokens(job, splits, tokenizer, spec.max_length)
    write_environment(job, splits.fingerprint)
    model = training.add_adapter(load_model(folder, spec.trust_remote_code), spec)
    job.emit(
        "plan", batch=batch_sentence(spec), **asdict(training.plan(model, rows["train"], spec))
    )
    job.emit("stage", name="training", done=0, total=1)
    result = training.train(
        model,
        tokenizer,
        rows["train"],
        rows["validation"],
        spec,
        output_dir=job.path,
        emit=job.emit,
        should_stop=job.should_stop,
        on_evaluate=_sampler(job, splits, rows["validation"], tokenizer),
        resume=job.resume,
    )
    if result.status == "stopped":
        return "stopped"
    write_json(job.path / "metrics.json", _metrics(job, model, result, tokenizer, splits))
    run = Run(job.path)
    report.write_card(run)
    report.write_report(run)
    return "done"


def _tokens(
    job: Job, splits: data.Splits, tokenizer: Tokenizer, max_length: int
) -> dict[str, list[data.Tokens]]:
    """Tokenise all rows, none is refused late; record what was cut and one whole example."""
    rows = {}
    for split in ("train", "validation", "test"):
        rows[split], cut = data.tokenize(getattr(splits, split), tokenizer, max_length=max_length)
        job.notes([f"{split}: {text}" for text in cut])
    job.notes(splits.notes)
    first = rows["train"][0]
    job.emit(
        "example",
        prompt=tokenizer.decode(first.input_ids[: first.n_prompt]),
        completion=tokenizer.decode(first.input_ids[first.n_prompt :]),
        n_tokens=len(first.input_ids),
        n_target_tokens=len(first.input_ids) - first.n_prompt,
    )
    job.emit("data", **{split: len(part) for split, part in rows.items()})
    return rows


def _sampler(
    job: Job, splits: data.Splits, rows: Sequence[data.Tokens], tokenizer: Tokenizer
) -> Callable[[Any, int], None]:
    """Return a function that lets the model answer a few validation rows and records them."""
    assert isinstance(job.spec, FinetuneSpec)
    chosen = list(zip(splits.validation, rows, strict=True))[: job.spec.n_samples]
    longest = max((len(row.input_ids) - row.n_prompt for _, row in chosen), default=1)

    def sample(model: Model, step: int) -> None:
        prompts = [row.input_ids[: row.n_prompt] for _, row in chosen]
        answers = evaluation.generate(model, tokenizer, prompts, min(longest + 4, 64))
        for (example, _), answer in zip(chosen, answers, strict=True):
            expected = example.completion.strip()
            job.emit(
                "sample", step=step, prompt=example.prompt, expected=expected, answer=answer.strip()
            )

    return sample


def _metrics(
    job: Job, model: Model, result: "TrainResult", tokenizer: Tokenizer, splits: data.Splits
) -> dict[str, Any]:
    """Measure base and tuned model on the held-out rows; return what metrics.json holds."""
    assert isinstance(job.spec, FinetuneSpec)
    examples, length = splits.held_out, job.spec.max_length

    def measure(name: str) -> Callable[[Any], Any]:
        progress = job.progress(f"evaluating the {name} model")
        return lambda model: evaluation.evaluate(
            model, tokenizer, examples, splits, length, progress
        )

    with evaluation.without_adapter(model):
        base = measure("base")(model)
    tuned = measure("tuned")(model)
    found: dict[str, Any] = {
        "task": splits.task,
        "split": "test" if splits.test else "validation",
        "n": len(examples),
        "labels": list(splits.labels),
        "base": base.as_dict(),
        "tuned": tuned.as_dict(),
        "training": _training_facts(job, result),
        "adapter": _adapter_facts(model, result.adapter),
    }
    if splits.task == "classification":
        texts = [example.prompt for example in examples]
        found["comparison"] = evaluation.compare(base, tuned, texts).as_dict()
    return found


def _training_facts(job: Job, result: "TrainResult") -> dict[str, Any]:
    """Sum up the steps from the record, so that a resumed run counts all of them."""
    run = Run(job.path)
    steps = run.of("step")
    seconds = sum(step["seconds"] for step in steps)
    tokens = sum(step["n_tokens"] for step in steps)
    return {
        "steps": result.step,
        "max_steps": result.max_steps,
        "seconds": seconds,
        "tokens": tokens,
        "tokens_per_second": tokens / seconds if seconds else 0.0,
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
        "best_step": result.adapter_step,
        "best_eval_loss": result.eval_loss,
        "peak_bytes": max([machine.peak_bytes(), *(e["bytes"] for e in run.of("resources"))]),
        "packing": result.how.packing,
        "precision": result.how.precision,
    }


def _adapter_facts(model: Model, folder: Path) -> dict[str, int]:
    size = sum(file.stat().st_size for file in folder.iterdir())
    facts = training.adapter_facts(model)
    return {"trainable": facts.trainable, "total": facts.total, "bytes": size}
