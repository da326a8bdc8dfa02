"""People judge the answers of two models without knowing which is whose.

`rate` writes a form for each rater, as a CSV file for any spreadsheet and as a page that works
offline; `ratings` reads the filled ones. Which answer is whose stands in a file of its own.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ..errors import RunError, SpecError
from ..files import write_json, write_text
from ..report import rating_page
from ..run import NAME, Run, as_run, free_name
from .forms import CHOICES, CRITERIA, Item, write_form
from .own_metrics import predictions


@dataclass(frozen=True)
class RatingForms:
    """The forms of one rating, and the key to them."""

    folder: Path
    """Where they lie: a CSV file and a page for each rater, and the key."""

    raters: tuple[str, ...]
    """Who is to judge."""

    n: int
    """Rows to judge."""

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"{self.n} rows to judge, in {self.folder}:",
                *(f"  form-{name}.csv or form-{name}.html for {name}" for name in self.raters),
                "Keep key.json to yourself: it says which answer is whose.",
                f"With the filled forms there:  labkit.ratings({str(self.folder)!r})",
            ]
        )


def rate(
    run: str | Run,
    *,
    n: int = 20,
    raters: int | Sequence[str] = 2,
    against: str | None = None,
    seed: int = 0,
) -> RatingForms:
    """Write forms in which people judge the answers of a tuned model and of another, blinded.

    Args:
        run: A fine-tuning of a text task, or an evaluation of one.
        n: Rows to judge, drawn at random from those that were answered.
        raters: How many people, or their names.
        against: The other model of an evaluation; left out: its first.
        seed: Seed of the rows, of their order and of which answer stands first.

    Raises:
        RunError: The run has no texts to judge.
        SpecError: A setting is wrong.
    """
    found = as_run(run)
    names = _names(raters)
    if n < 1:
        raise SpecError(f"n must be at least 1 (rows); got {n!r}.", hint="20 take half an hour.")
    rows, models = _answered(found, against)
    drawn = Random(seed)
    chosen = drawn.sample(rows, min(n, len(rows)))
    sides = [drawn.sample(models, 2) for _ in chosen]
    digest = hashlib.sha256(json.dumps([chosen, sides]).encode()).hexdigest()[:6]
    items = [
        Item(f"{digest}-{at:02d}", row["prompt"], row["reference"], _pair(row, pair))
        for at, (row, pair) in enumerate(zip(chosen, sides, strict=True), 1)
    ]
    folder = found.path / "ratings" / free_name("rating", found.path / "ratings")
    folder.mkdir(parents=True)
    write_json(folder / "key.json", _key(items, chosen, sides, models))
    for name in names:
        _write_forms(folder, name, items)
    return RatingForms(folder, names, len(items))


def latest_rating(run: str | Run) -> Path:
    """Return the folder of a run's newest rating.

    Raises:
        RunError: Nothing of the run was given to people to rate.
    """
    found = as_run(run)
    folders = sorted(
        (found.path / "ratings").glob("*/key.json"), key=lambda key: key.stat().st_mtime
    )
    if not folders:
        raise RunError(
            f"There is no rating of the run {found.name!r}.", hint=f"Make one: %rate {found.name}."
        )
    return folders[-1].parent


def _write_forms(folder: Path, name: str, items: Sequence[Item]) -> None:
    write_form(folder / f"form-{name}.csv", items)
    shown = [(item.name, item.prompt, item.reference, item.answers) for item in items]
    write_text(folder / f"form-{name}.html", rating_page(name, shown, CRITERIA, CHOICES))


def _names(raters: int | Sequence[str]) -> tuple[str, ...]:
    """Return the raters' names, as parts of a file's name."""
    names = (
        tuple(f"rater-{at}" for at in range(1, raters + 1))
        if isinstance(raters, int)
        else (raters,) if isinstance(raters, str) else tuple(raters)
    )  # fmt: skip
    wrong = next((name for name in names if not NAME.fullmatch(name) or "/" in name), None)
    if not names or wrong is not None or len(set(names)) < len(names):
        raise SpecError(
            f"raters must be a number from 1, or names that differ; got {raters!r}.",
            hint="For example raters=3, or raters=('anna', 'ben').",
        )
    return names


def _answered(run: Run, against: str | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Return rows with two models' answers, and the models: the other one, the judged one."""
    metrics = run.metrics
    if metrics.get("task") == "classification":
        raise RunError(
            f"The run {run.name!r} answers with labels, which are counted and not rated.",
            hint="Look at its accuracy, or rate a run of another task.",
        )
    if run.job == "evaluate":
        rows, judged = predictions(run), str(metrics["run"])
        others = [name for name in metrics["models"] if name != judged]
        return rows, [_other(run, others, against), judged]
    base, tuned = metrics.get("base") or {}, metrics.get("tuned") or {}
    rows = [
        {"row": at, "prompt": prompt, "reference": wanted, "answers": {"base": old, "tuned": new}}
        for at, (prompt, wanted, old, new) in enumerate(
            zip(
                *(tuned.get(key, ()) for key in ("prompts", "references")),
                *(of.get("answers", ()) for of in (base, tuned)),
                strict=False,
            ),
            1,
        )
    ]
    if not rows:
        raise RunError(
            f"The run {run.name!r} has no answers to judge; it is {run.status}.",
            hint=f"Measure it first: %evaluate {run.name}.",
        )
    return rows, ["base", "tuned"]


def _other(run: Run, others: Sequence[str], against: str | None) -> str:
    if against is None and others:
        return others[0]
    if against in others:
        return str(against)
    raise RunError(
        f"The evaluation {run.name!r} has no answers of {against!r} beside the judged model's.",
        hint=f"It has those of {', '.join(others) or 'no other'}; evaluate it against more.",
    )


def _pair(row: dict[str, Any], models: Sequence[str]) -> tuple[str, str]:
    first, second = (str(row["answers"][name]).strip() for name in models)
    return first, second


def _key(
    items: Sequence[Item],
    rows: Sequence[dict[str, Any]],
    sides: Sequence[Sequence[str]],
    models: Sequence[str],
) -> dict[str, Any]:
    """Return which row an item is, and whose answers A and B are."""
    found = {
        item.name: {"row": row["row"], "A": pair[0], "B": pair[1]}
        for item, row, pair in zip(items, rows, sides, strict=True)
    }
    return {"models": list(models), "items": found}
