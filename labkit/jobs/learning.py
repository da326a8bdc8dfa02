"""What a model learns from: rows as tokens, and as the labels of a head where the run has one."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .. import data, sent, training
from ..errors import SpecError, near
from ..evaluation.kinds import Tokenizer
from ..run import Run, run_called
from ..spec import LOSSES, FinetuneSpec
from .job import Job, load_tokenizer, model_folder

if TYPE_CHECKING:
    from torch import nn

    from ..training.own_loss import OwnLoss


def head_labels(spec: FinetuneSpec, splits: data.Splits) -> tuple[str, ...]:
    """Return what a head is to tell apart; nothing where the run has none.

    Raises:
        SpecError: The rows have no labels.
    """
    if spec.head and splits.task != "classification":
        raise SpecError(
            f"head must be false for task {splits.task!r}; got true.",
            hint="A head on the last token can only choose among labels; see task.",
        )
    return tuple(splits.labels) if spec.head else ()


def for_head(
    rows: Sequence[data.Tokens], examples: Sequence[data.Example], labels: Sequence[str]
) -> list[data.Tokens]:
    """Return rows that end with the number of their label, or as they are without a head."""
    if not labels:
        return list(rows)
    numbers = {label: number for number, label in enumerate(labels)}
    return [
        data.Tokens([*row.input_ids[: row.n_prompt], numbers[str(example.label)]], row.n_prompt)
        for row, example in zip(rows, examples, strict=True)
    ]


def to_learn(
    rows: Mapping[str, Sequence[data.Tokens]], splits: data.Splits, spec: FinetuneSpec
) -> dict[str, list[data.Tokens]]:
    """Return rows as they are learned: with labels of a head, with weights, or in pairs.

    Args:
        rows: Tokens of the splits' rows, by split.
        splits: The rows.
        spec: The settings.

    Raises:
        DataError: There are no two sides to draw pairs from.
        SpecError: The rows have no labels where labels are needed.
    """
    if spec.embeds:
        return {split: _pairs(part, getattr(splits, split), spec) for split, part in rows.items()}
    labels = head_labels(spec, splits)
    learn = {split: for_head(part, getattr(splits, split), labels) for split, part in rows.items()}
    return weighted(learn, splits, spec)


def _pairs(
    rows: Sequence[data.Tokens], examples: Sequence[data.Example], spec: FinetuneSpec
) -> list[data.Tokens]:
    """Return sentences in pairs: by their labels, or without labels with their completions."""
    labels = [example.label for example in examples if example.label is not None]
    if labels:
        return [*data.sentence_pairs(rows, labels, spec.seed)]
    pairs = [row for row in rows if isinstance(row, data.PairTokens)]
    passages = [example.completion.strip() for example in examples]
    return [*data.passage_pairs(pairs, passages, spec.seed)] if examples else []


def own_loss(job: Job, spec: FinetuneSpec) -> "OwnLoss | None":
    """Return the loss that was written for this run, and say by what a run is measured."""
    if spec.loss == "cross_entropy":
        return None
    known = LOSSES.get(spec.loss)
    title = f"{known.title} ({known.paper})" if known else f"the function {spec.loss}"
    job.notes([f"Steps and validations count {title}; base and tuned model are compared as ever."])
    if known:
        return None
    from ..training.own_loss import OwnLoss

    return OwnLoss(spec.loss, sent.load(job.path))


def teacher(job: Job, spec: FinetuneSpec, tokenizer: Tokenizer) -> "nn.Module | None":
    """Return the model that the loss `distillation` learns from; None for any other loss.

    Raises:
        SpecError: It has other tokens than the model that learns.
    """
    if spec.teacher is None:
        return None
    run = find_run(spec.teacher)
    theirs = spec if run is None else run.spec
    assert isinstance(theirs, FinetuneSpec)
    folder = model_folder(spec.teacher if run is None else theirs.model, False, job)
    if load_tokenizer(folder, False).get_vocab() != tokenizer.get_vocab():
        raise SpecError(
            f"The teacher must have the tokens of the model that learns, {spec.model}; "
            f"{spec.teacher!r} has others.",
            hint="Take a run on the same base model, or a larger model of its family.",
        )
    if run is None:
        return training.load_base(folder)
    return training.load_tuned(folder, run.learned, theirs)


def find_run(name: str) -> Run | None:
    """Return the run of this name that is done, or None.

    Raises:
        SpecError: It is not done, or answers with labels.
    """
    run = run_called(name)
    if run is None:
        return None
    spec = run.spec
    if run.status != "done" or not isinstance(spec, FinetuneSpec) or spec.head:
        raise SpecError(
            f"A teacher must be a fine-tuning without a head that is done; {name!r} is "
            f"{run.job}, {run.status}.",
            hint="%runs lists the runs there are.",
        )
    return run


def weighted(
    rows: dict[str, list[data.Tokens]], splits: data.Splits, spec: FinetuneSpec
) -> dict[str, list[data.Tokens]]:
    """Return rows that count as `class_weights` says, or as they are where it says nothing.

    Raises:
        SpecError: The rows have no labels, or a weight is none.
    """
    if spec.class_weights is None:
        return rows
    if splits.task != "classification":
        raise SpecError(
            f"class_weights needs rows with labels; the task is {splits.task!r}.",
            hint="Leave class_weights out, or see task.",
        )
    weights = label_weights(spec.class_weights, [str(e.label) for e in splits.train])
    return {
        name: [
            data.WeightedTokens(row.input_ids, row.n_prompt, weights[str(example.label)])
            for row, example in zip(part, getattr(splits, name), strict=True)
        ]
        for name, part in rows.items()
    }


def label_weights(asked: str | Sequence[str], labels: Sequence[str]) -> Mapping[str, float]:
    """Return how much a row of each label counts.

    Args:
        asked: `balanced`, which is rows / (labels * rows of the label), or `label=weight` texts.
        labels: The labels of the training rows.
    """
    counts = Counter(labels)
    if asked == "balanced":
        balanced = {name: len(labels) / (len(counts) * n) for name, n in counts.items()}
        return defaultdict(lambda: 1.0, balanced)
    weights: defaultdict[str, float] = defaultdict(lambda: 1.0)
    for text in [asked] if isinstance(asked, str) else asked:
        label, _, weight = text.rpartition("=")
        weights[_known(label, counts, text)] = _weight(weight, text)
    return weights


def _known(label: str, known: Mapping[str, int], text: str) -> str:
    if label in known:
        return label
    raise SpecError(
        f"class_weights must be 'balanced' or label=weight for labels of the rows; got {text!r}.",
        hint=near(label or text, known, f"Labels: {', '.join(known)}."),
    )


def _weight(weight: str, text: str) -> float:
    try:
        value = float(weight)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise SpecError(
            f"A weight in class_weights must be a number above 0; got {text!r}.",
            hint="For example anger=2.",
        )
    return value


def tokens(
    job: Job, splits: data.Splits, tokenizer: Tokenizer, spec: FinetuneSpec
) -> dict[str, list[data.Tokens]]:
    """Tokenise all rows, none is refused late; record what was cut and one whole example."""
    rows, tokenize = {}, data.tokenize_for(spec)
    for split in ("train", "validation", "test"):
        examples = getattr(splits, split)
        rows[split], cut = tokenize(examples, tokenizer, max_length=spec.max_length)
        job.notes([f"{split}: {text}" for text in cut])
    job.notes(splits.notes)
    first, example = rows["train"][0], splits.train[0]
    shown = tokenizer.decode(first.input_ids[: first.n_prompt])
    job.emit(
        "example",
        prompt=data.sentence(example) if spec.embeds else shown,
        completion=tokenizer.decode(first.input_ids[first.n_prompt :]),
        n_tokens=len(first.input_ids),
        n_target_tokens=len(first.input_ids) - first.n_prompt,
        chat=example.messages is not None,
    )
    job.emit("data", **{split: len(part) for split, part in rows.items()})
    return rows
