"""Would more rows help? The validation loss of the same training on ever more of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RunError
from ..run import Run
from ..search import trials_of
from ..spec import FinetuneSpec

SHARES = (8, 4, 2)
"""A subset has one of so many rows; the last point has all."""

FEWEST = 8
"""Rows of the smallest subset."""

HELPS = 0.03
"""Share of the loss that the last doubling has to take off for more rows to be worth asking for: a
judgement, as each point is one training, and another seed would move it a little."""


@dataclass(frozen=True)
class LearningCurve:
    """What a training reaches with a part of its rows, and with all."""

    sweep: Run
    """The search whose trials are the trainings."""

    points: tuple[tuple[int, float], ...]
    """Rows, and the lowest validation loss that was reached with them; ever more rows."""

    unit: str
    """What the loss is, in words."""

    @property
    def gain(self) -> float:
        """Share of the loss that the last doubling of the rows took off."""
        (_, before), (_, after) = self.points[-2:]
        return 1 - after / before

    @property
    def wants_rows(self) -> bool:
        """Whether more rows like these can be expected to help."""
        return self.gain >= HELPS

    @property
    def sentence(self) -> str:
        """What the last doubling brought, and what that says of the next one."""
        (half, before), (n, after) = self.points[-2:]
        way = "fell" if after < before else "rose"
        said = (
            f"From {half} to {n} rows the validation loss {way} from {before:.3f} to {after:.3f} "
            f"{self.unit} ({abs(self.gain):.0%}). "
        )
        if not self.wants_rows:
            return said + "More rows like these will hardly help; look at the settings, the model."
        next_loss = after * after / before
        return said + (
            f"If it goes on so, {2 * n} rows reach about {next_loss:.3f}: more rows are worth it."
        )


def subsets(n: int) -> tuple[int, ...]:
    """Return the sizes of the subsets of `n` rows, the smallest first, without all of them.

    Raises:
        RunError: There are too few rows to take parts of.
    """
    sizes = sorted({n // share for share in SHARES if n // share >= FEWEST})
    if len(sizes) < 2:
        raise RunError(
            f"A learning curve needs {4 * FEWEST} training rows at least; got {n}.",
            hint="With so few, more rows are the first thing to try.",
        )
    return tuple(sizes)


def settings_of(run: Run, sizes: Sequence[int]) -> dict[str, Any]:
    """Return the search over subsets of a run's rows: the same steps each, so only rows differ."""
    spec = run.spec
    assert isinstance(spec, FinetuneSpec)
    steps = (run.last("plan") or {}).get("max_steps", spec.max_steps)
    same = {n: value for n, value in spec.changed().items() if n not in ("limit", "processes")}
    return {
        **same,
        "max_steps": steps,
        "search_space": {"limit": {"values": list(sizes)}},
        "sampler": "grid",
        "pruner": "none",
    }


def curve_of(sweep: Run, unit: str) -> LearningCurve:
    """Return the curve that a search over subsets found; its default has all rows.

    Args:
        sweep: The search.
        unit: What the loss is.

    Raises:
        RunError: There are too few losses for a curve.
    """
    found = [(trial.run.last("data"), trial.lowest) for trial in trials_of(sweep)]
    points = sorted((data["train"], loss) for data, loss in found if data and loss is not None)
    if len(points) < 2:
        raise RunError(
            f"The trainings on subsets left {len(points)} validation losses; two are needed.",
            hint=f"%runs {sweep.name} says what became of them.",
        )
    return LearningCurve(sweep, tuple(points), unit)
