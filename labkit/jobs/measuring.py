"""Base beside tuned: each model is loaded from disk, so that what is measured is what was saved."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import data, evaluation, machine, training
from ..evaluation.kinds import Model, Tokenizer
from ..spec import FinetuneSpec
from ..spec.source import SourceSettings
from .drift import Logits, drift
from .forgetting import forgetting, text_loss
from .job import Job
from .predictions import baselines
from .preferences import preferences
from .received import tell_asked

if TYPE_CHECKING:
    from ..training import SharedBase

MERGED_ROWS = 64
"""Most held-out rows on which a merged model is measured beside the one that was trained."""


@dataclass(frozen=True)
class Lent:
    """What runs on one base share, one after another."""

    base: "SharedBase" = field(default_factory=lambda: training.SharedBase())  # not yet imported
    """The base model."""

    measured: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    """The base model's evaluation and `text_loss` by the settings that its rows depend on."""


@dataclass(frozen=True)
class Held:
    """What a run's models are measured on."""

    job: Job
    """Whom to tell."""

    spec: FinetuneSpec
    """The run's settings."""

    folder: Path
    """The base model."""

    tokenizer: Tokenizer
    """Its tokenizer."""

    splits: data.Splits
    """The rows; the held-out ones are read."""

    lent: "Lent | None" = None
    """What it shares with other runs; None where it reads all from disk."""

    def evaluate(self, model: Model, name: str, n_rows: int | None = None) -> Any:  # noqa: ANN401
        """Return the evaluation of a model on the first `n_rows` held-out rows, or on all."""
        return evaluation.evaluate(
            model,
            self.tokenizer,
            self.splits.held_out[:n_rows],
            self.splits,
            self.spec.max_length,
            self.job.progress(f"evaluating the {name} model"),
        )


def measure(held: Held, learned: Path) -> dict[str, Any]:
    """Measure base and tuned model on the held-out rows; return their part of metrics.json.

    Args:
        held: What to measure on.
        learned: What the run saved.
    """
    return measured(held, learned)[0]


def measured(held: Held, learned: Path, base: Any = None) -> tuple[dict[str, Any], Any, Any]:  # noqa: ANN401
    """Return what `measure` does, and the evaluations of both models.

    Args:
        held: What to measure on.
        learned: What the run saved.
        base: The base model's evaluation, where it was measured on these rows already.
    """
    spec, splits, examples = held.spec, held.splits, held.splits.held_out
    loaded: list[Any] = []
    tell_asked(held.job, spec, examples, held.tokenizer)
    if held.lent is not None:
        held.lent.base.take_back()
    if held.lent is None or spec.method == "qlora":
        base, tuned, more = _from_disk(held, learned, base, loaded)
    else:
        base, tuned, more = _on_lent(held, learned, held.lent)
    found = {
        "task": splits.task,
        "split": splits.held_out_split,
        "n": len(examples),
        "labels": list(splits.labels),
        "base": base.as_dict(),
        "tuned": tuned.as_dict(),
        "comparison": _comparison(base, tuned, examples),
        "baselines": baselines(splits.task, list(tuned.metrics), examples, seed=spec.seed),
        **more,
    }
    if spec.method == "qlora" and not spec.head:
        found["merged"] = _merged(held, learned, loaded, tuned)
    _free(loaded)
    return found, base, tuned


def _from_disk(
    held: Held,
    learned: Path,
    base: Any,  # noqa: ANN401
    loaded: list[Any],
) -> tuple[Any, Any, dict[str, Any]]:
    """Return the evaluations of both models, and what else is known of them.

    The tuned one stays in `loaded`.
    """
    spec = held.spec
    trusted, encoder = spec.trust_remote_code, spec.embeds
    loaded.append(training.load_base(held.folder, trust_remote_code=trusted, encoder=encoder))
    base, before = base or held.evaluate(loaded[0], "base"), text_loss(held, loaded[0])
    if spec.method in ("full", "qlora"):  # these have another base than the one in memory
        _free(loaded)
    on = loaded.pop() if loaded else None
    loaded.append(training.load_tuned(held.folder, learned, spec, base=on))
    del on
    return base, held.evaluate(loaded[0], "tuned"), _more(held, before, loaded[0])


def _on_lent(held: Held, learned: Path, lent: Lent) -> tuple[Any, Any, dict[str, Any]]:
    """Return what `_from_disk` does, on a base in memory that is measured once on its rows."""
    names = (*(item.name for item in fields(SourceSettings)), "seed", "rejected_template")
    rows = tuple(getattr(held.spec, name) for name in names)
    if rows not in lent.measured:
        bare = lent.base.bare(held.folder, held.spec)
        lent.measured[rows] = held.evaluate(bare, "base"), text_loss(held, bare)
    base, before = lent.measured[rows]
    model = lent.base.learned(held.folder, learned, held.spec)
    tuned, more = held.evaluate(model, "tuned"), _more(held, before, model)
    lent.base.take_back()
    return base, tuned, more


def _more(held: Held, before: tuple[float, int] | None, model: Model) -> dict[str, Any]:
    """Return what is measured of a tuned model beside its answers."""
    return preferences(held, model) | forgetting(held, before, model)


def _comparison(base: Any, tuned: Any, examples: Sequence[data.Example]) -> dict[str, Any]:  # noqa: ANN401
    if isinstance(tuned, evaluation.Evaluation):
        texts = [example.prompt for example in examples]
        return evaluation.compare(base, tuned, texts).as_dict()
    return evaluation.compare_texts(base, tuned).as_dict()


def _merged(held: Held, learned: Path, loaded: list[Any], tuned: Any) -> dict[str, Any]:  # noqa: ANN401
    """Measure the adapter on the base in fp32, which is what a merged model has.

    Args:
        held: What to measure on.
        learned: What the run saved.
        loaded: Holds the tuned model, which is freed.
        tuned: Its evaluation.
    """
    rows, _ = data.tokenize(
        held.splits.held_out[:MERGED_ROWS], held.tokenizer, max_length=held.spec.max_length
    )
    before = Logits.of(loaded[0], rows)
    _free(loaded)
    loaded.append(training.load_merged(held.folder, learned, held.spec))
    found: dict[str, Any] = drift(before, Logits.of(loaded[0], rows)) | {"n": len(rows)}
    if isinstance(tuned, evaluation.Evaluation):
        merged = held.evaluate(loaded[0], "merged", MERGED_ROWS)
        hits = sum(map(str.__eq__, tuned.predictions[:MERGED_ROWS], merged.gold))
        found["accuracy"] = merged.accuracy
        found["accuracy_change"] = merged.accuracy - hits / merged.n
    return found


def _free(loaded: list[Any]) -> None:
    """Let go of the model in a list, and give its memory back."""
    loaded.clear()
    gc.collect()
    machine.give_back_memory()
