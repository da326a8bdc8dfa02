"""Best practice where the data departs from it: how many rows are kept out, and for what."""

from math import sqrt

from .findings import Finding, counted, percent
from .material import Material

LEAST_SHARE, MOST_SHARE = 0.10, 0.40
"""Share of the rows that judge the model: fewer measure badly, more are missing in training."""

ENOUGH = 500
"""Held-out rows that measure well enough, however small a share they are."""

FEW = 50
"""Training rows below which single rows decide what is learned."""


def split_findings(material: Material) -> list[Finding]:
    """Return advice on the sizes of the splits."""
    sizes = {split: len(part) for split, part in material.parts.items()}
    train, kept = sizes.get("train", 0), sum(n for s, n in sizes.items() if s != "train")
    found: list[Finding] = []
    if not kept:
        return found
    if kept / (train + kept) < LEAST_SHARE and kept < ENOUGH:
        found.append(_finding(f"Only {_share(kept, train)} kept out of training.",
                              "Keep 10 to 20 % out: eval_share: 0.15."))  # fmt: skip
    if kept / (train + kept) > MOST_SHARE and material.spec.limit is None:
        found.append(_finding(f"As many as {_share(kept, train)} kept out of training.",
                              "10 to 20 % are enough to judge by; train on the rest."))  # fmt: skip
    judged = sizes.get("test") or sizes.get("validation") or 0
    if 0 < judged < FEW:
        found.append(_finding(
            f"The final comparison has {counted(judged, 'row')}: a share of right answers near "
            f"one half is known to ± {98 / sqrt(judged):.0f} points (95 % interval).",
            "Keep more rows out, and take small differences for none.",
        ))  # fmt: skip
    if 0 < train < FEW:
        found.append(_finding(
            f"There are {counted(train, 'training row')}: single rows decide what is learned.",
            "Collect more, or set augment, and compare several seeds.",
        ))  # fmt: skip
    return found


def _finding(sentence: str, advice: str) -> Finding:
    return Finding("hint", "splits", sentence, advice)


def _share(kept: int, train: int) -> str:
    verb = "is" if kept == 1 else "are"
    return f"{counted(kept, 'row')} ({percent(kept / (train + kept))}) {verb}"
