"""Plan a run: what it will need on this machine, without training."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import catalog, data, launch, report
from ..errors import LabError
from ..run import Run, free_name
from ..spec import FinetuneSpec
from .staging import go, new_run

if TYPE_CHECKING:
    from ..training.forecast import Case, Forecast


@dataclass(frozen=True)
class Plan:
    """What a run will need: memory, seconds, disk, each with how far it may be off."""

    run: Run
    """The job that planned; its `plan.json` holds all numbers."""

    @property
    def forecast(self) -> "Forecast":
        """The numbers."""
        from ..training.forecast import Forecast

        return Forecast.from_dict(report.plan_of(self.run)["forecast"])

    @property
    def spec(self) -> FinetuneSpec:
        """The settings, fitted to the budget where there was one."""
        assert isinstance(self.run.spec, FinetuneSpec)
        return self.run.spec

    @property
    def lighter(self) -> list[dict[str, Any]]:
        """Changes that would need less memory, the mildest first."""
        return [option["changes"] for option in report.plan_of(self.run)["lighter"]]

    def __repr__(self) -> str:
        return report.plain(report.plan_blocks(report.plan_of(self.run))).rstrip()

    def _repr_html_(self) -> str:
        return report.fragment(report.plan_blocks(report.plan_of(self.run)))


def foreseen(spec: FinetuneSpec, splits: data.Splits) -> dict[str, Any] | None:
    """Return the plan of a run as plan.json would have it, without a worker and probe steps.

    None where the model is not in the cache, or its files do not say enough.
    """
    from ..training.forecast import summary

    folder = catalog.model_at_hand(spec.model)
    try:
        case = _case(spec, splits, folder) if folder else None
        return summary(case) if case else None
    except LabError:  # the run itself will say what is wrong
        return None


def _case(spec: FinetuneSpec, splits: data.Splits, folder: Path) -> "Case | None":
    from ..data.row_tokenizer import RowTokenizer
    from ..training.forecast import Case

    tokenizer, tokenize = RowTokenizer(folder), data.tokenize_for(spec)
    rows = {
        split: tokenize(getattr(splits, split), tokenizer, max_length=spec.max_length)[0]
        for split in ("train", "validation", "test")
    }
    return Case.known(spec, rows, folder, len(splits.labels) if spec.head else 0)


def plan(
    spec: FinetuneSpec | None = None,
    *,
    name: str | None = None,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> Plan:
    """Say what a fine-tuning will need on this machine; train nothing.

    Constants come from probe steps in a worker, where such settings were not measured here in the
    last two weeks.

    Args:
        spec: Settings, as of a fine-tuning; `settings` change single ones.
        name: Name of the plan's folder; left out: `plan-1`, `plan-2`, …
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Fields of `FinetuneSpec`; with `budget` the plan is of settings fitted to it.

    Raises:
        SpecError: Something is wrong, or the run cannot fit; the error says what would.
        RunStopped, RunFailed: The planning ended early.
    """
    run = new_run(name or free_name("plan"), "plan", spec, settings)
    return Plan(go(run, wait=True, view=view))
