"""A run's fine-tuning as a configuration of today's Olive, with its rows beside it."""

from pathlib import Path
from typing import Any

from .. import catalog, data
from ..errors import RunError
from ..files import write_text
from ..run import Run
from ..spec import FinetuneSpec
from ..training.sketch import sketch
from ..translator import today
from ..yaml import write_yaml

TEMPLATE = "{prompt}{completion}"
"""Rows go over as they read, by the run's own template."""


def olive_export(run: str | Run) -> Path:
    """Write the folder `olive/` of a run: `olive.yaml` for `olive run --config`, and its rows.

    Olive trains on every token of a row, the prompt too; labkit does not.

    Returns:
        The configuration.

    Raises:
        RunError: The run is no fine-tuning by an adapter that Olive has, or has no rows of text.
    """
    tuned = run if isinstance(run, Run) else Run(run)
    spec = _trained_by_olive(tuned)
    splits = data.load(spec)
    folder = tuned.path / "olive"
    parts = {"train": splits.train, "validation": splits.validation}
    files = data.write_rows({name: _rows(part) for name, part in parts.items() if part}, folder)
    values = _settings(spec, files / "train.jsonl")
    made = today.configuration(values, output=str(folder / "output"))
    if splits.validation:
        made = today.validated_on(made, str(files / "validation.jsonl"))
    file = folder / "olive.yaml"
    write_text(file, write_yaml(made))
    return file


def _trained_by_olive(tuned: Run) -> FinetuneSpec:
    """Return the settings of a run whose method Olive has.

    Raises:
        RunError: It has not.
    """
    spec = tuned.spec
    if not isinstance(spec, FinetuneSpec) or spec.method not in today.PASSES or spec.learns_pairs:
        raise RunError(
            f"Olive trains on texts by {', '.join(today.PASSES)}; {tuned.name!r} is {tuned.job}, "
            f"{getattr(spec, 'method', 'no fine-tuning')}.",
            hint="Export a run of one of these methods.",
        )
    return spec


def _rows(examples: Any) -> list[dict[str, str]]:  # noqa: ANN401 - a split
    return [{"prompt": one.prompt, "completion": one.completion} for one in examples]


def _settings(spec: FinetuneSpec, rows: Path) -> dict[str, Any]:
    """Return the settings that are given, the model and its layers as Olive finds them."""
    folder = catalog.model_at_hand(spec.model)
    values = {name: value for name, value in spec.as_dict().items() if value is not None}
    values |= {"model": str(folder or spec.model), "data": str(rows), "split": "train"}
    values["text_template"] = TEMPLATE
    values.pop("eval_split", None)
    drawn = sketch(folder) if folder and spec.target_modules == "all-linear" else None
    if drawn is not None:
        names = {name.rpartition(".")[2] for name in drawn.linear if name != drawn.output}
        values["target_modules"] = tuple(sorted(names))
    return values
