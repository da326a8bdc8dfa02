"""Labels: how often each occurs, what always guessing the most frequent one would reach."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from ...errors import listed
from .findings import Finding, percent
from .material import Material

FEW = 8
"""Training rows of a label below which it is hardly learned."""

LOPSIDED = 0.6
"""Share of one label from which accuracy alone says little."""


@dataclass(frozen=True)
class Balance:
    """How often each label occurs."""

    counts: dict[str, dict[str, int]]
    """Split → label → rows; all labels in each, sorted."""

    majority: str
    """The most frequent label of the training rows."""

    majority_rate: float
    """Its share of the held-out rows: the accuracy of always guessing it, 0 to 1."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted."""
        return tuple(next(iter(self.counts.values())))

    @property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """Split → labels that none of its rows has."""
        absent = {s: tuple(la for la, n in c.items() if not n) for s, c in self.counts.items()}
        return {split: labels for split, labels in absent.items() if labels}


def balance_of(material: Material) -> Balance | None:
    """Return the labels of a classification; None of other tasks."""
    if material.task != "classification" or not material.parts.get("train"):
        return None
    tallies = {s: Counter(str(e.label) for e in part) for s, part in material.parts.items()}
    labels = sorted({label for tally in tallies.values() for label in tally})
    counts = {split: {label: tally[label] for label in labels} for split, tally in tallies.items()}
    majority = max(labels, key=counts["train"].__getitem__)
    judged = next(s for s in ("test", "validation", "train") if s in counts)
    return Balance(counts, majority, counts[judged][majority] / sum(counts[judged].values()))


def balance_findings(balance: Balance | None) -> list[Finding]:
    """Return labels that are missing, rare, lopsided or written in two ways."""
    if balance is None:
        return []
    found = [_missing(split, labels) for split, labels in balance.missing.items()]
    train = balance.counts["train"]
    rare = [label for label, n in train.items() if 0 < n < FEW]
    if rare:
        counts = ", ".join(f"{label}: {train[label]}" for label in rare)
        found.append(
            Finding("warn", "labels", f"Fewer than {FEW} training rows have the label {counts}.",
                    "Add rows, or join it with a label that means the same.")
        )  # fmt: skip
    if balance.majority_rate >= LOPSIDED:
        found.append(
            Finding("warn", "labels", f"Always guessing {balance.majority!r} would be right in "
                    f"{percent(balance.majority_rate)} of the held-out rows.",
                    "Judge by macro F1 beside accuracy, and compare with that guess.")
        )  # fmt: skip
    return found + _spelt_twice(balance)


def _missing(split: str, labels: tuple[str, ...]) -> Finding:
    if split == "train":
        return Finding(
            "stop", "labels", f"No training row has the label {listed(labels, 'and')}.",
            "Add training rows with it, or take it out of the held-out rows.",
        )  # fmt: skip
    return Finding(
        "warn", "labels", f"No row of {split} has the label {listed(labels, 'and')}.",
        f"Add rows of it to {split}, or its answers are not measured there.",
    )  # fmt: skip


def _spelt_twice(balance: Balance) -> list[Finding]:
    forms: dict[str, list[str]] = defaultdict(list)
    for label in balance.labels:
        forms[" ".join(label.casefold().split())].append(label)
    twice = [listed([repr(form) for form in group], "and") for group in forms.values() if group[1:]]
    if not twice:
        return []
    sentence = f"Labels that differ only in case or blanks: {'; '.join(twice)}."
    return [Finding("warn", "labels", sentence, "Write each label in one way.")]
