"""Settings of a search: what may change, how trials are drawn, judged and given up."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any, Self

from ..errors import SpecError, near
from ..settings import Spec, setting
from ..yaml import write_yaml
from .finetune import FinetuneSpec
from .methods import METHODS
from .searchable import check_grid, check_losses, check_values
from .space import Dimension, read_space
from .steps import check_one_process
from .times import check_time, seconds_of

N_TRIALS = 20
"""Trials of a search that says no number."""


@dataclass(frozen=True, kw_only=True)
class SweepSpec(Spec):
    """Settings of one search: those of a fine-tuning, and which of them to vary.

    Names are those of Optuna and Transformers. In YAML the settings of the fine-tuning stand beside
    those below; `search_strategy` with `type` and `num_trials` is read as `sampler` and `n_trials`.
    """

    search_space: dict[str, Any]
    """What to vary: by setting a list of values, or `low` and `high` with `log` or `step`."""

    sampler: str = setting("tpe", choices=("random", "tpe", "grid"))
    """How trials are drawn: at random, by what earlier ones reached (Bergstra et al.,
    2011, NeurIPS), or every combination once."""

    n_trials: int | None = setting(None, at_least=1, at_most=10_000, unit="trials")
    """Trials to take; left out: 20, of a grid all."""

    timeout: str | None = None
    """Time for trials, as `15m`: none begins that would not end in it; each process has it anew."""

    pruner: str = setting("halving", choices=("halving", "none"))
    """Give up trials that lag behind in validation loss: asynchronous successive halving (Li et
    al., 2020, arXiv:1810.05934)."""

    min_resource: int = setting(2, at_least=1, unit="validations")
    """Validations before a trial may be given up."""

    reduction_factor: int = setting(2, at_least=2, at_most=100)
    """One of so many trials goes on at `min_resource` validations, at this times as many, …"""

    metric_for_best_model: str = "eval_loss"
    """What trials are judged by on the validation rows: `eval_loss`, or a metric of the task."""

    settings: dict[str, Any]
    """Settings of the fine-tuning that are the same for all trials; in YAML beside these."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_time("timeout", self.timeout)
        space = read_space(self.search_space)
        twice = next((name for name in space if name in self.settings), None)
        if twice is not None:
            raise SpecError(
                f"{twice} is searched and set; got {self.settings[twice]!r}.",
                hint=f"Leave one out: the line {twice}, or its place in search_space.",
            )
        plain = {name: dimension.as_dict() for name, dimension in space.items()}
        same = {n: tuple(v) if isinstance(v, list) else v for n, v in self.settings.items()}
        object.__setattr__(self, "search_space", plain)
        object.__setattr__(self, "settings", same)
        judged_by_loss = self.metric_for_best_model == "eval_loss" or self.pruner != "none"
        check_losses(space, self.settings.get("loss", "cross_entropy"), judged_by_loss)
        check_values(space, self.trial)
        searched = space["processes"].ends if "processes" in space else ()
        check_one_process(max([self.settings.get("processes", 1), *searched]), "trials")
        if self.sampler == "grid":
            check_grid(space)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Make a spec from names and values, those of the fine-tuning among them."""
        given = _strategy(values)
        if type(given.get("timeout")) in (int, float):  # seconds, as Optuna's
            given["timeout"] = f"{given['timeout']:g}s"
        own = {item.name for item in fields(cls)} - {"settings"}
        for name in given:
            if name not in own and name not in FinetuneSpec.__dataclass_fields__:
                known = [*own, *FinetuneSpec.__dataclass_fields__]
                hint = near(str(name), known, f"A search has {', '.join(sorted(own))}.")
                raise SpecError(f"There is no setting {str(name)!r}.", hint=hint)
        if "search_space" not in given:
            hint = "Add search_space: with a setting, as learning_rate: {low: 1e-5, high: 1e-3}."
            raise SpecError("search_space is missing.", hint=hint)
        rest = {"n_samples": 0} | {n: v for n, v in given.items() if n not in own}
        return cls(settings=rest, **{n: v for n, v in given.items() if n in own})

    @property
    def space(self) -> dict[str, Dimension]:
        """What is varied, by the name of the setting."""
        return read_space(self.search_space)

    @property
    def base(self) -> FinetuneSpec:
        """The fine-tuning whose searched settings have their defaults."""
        return FinetuneSpec.from_mapping(self.settings)

    @property
    def total(self) -> int:
        """Trials to take."""
        if self.sampler != "grid":
            return self.n_trials or N_TRIALS
        size = prod(len(dimension.points or ()) for dimension in self.space.values())
        return min(self.n_trials or size, size)

    @property
    def seconds(self) -> float | None:
        """Time for trials in seconds; None for as long as it takes."""
        return seconds_of(self.timeout) if self.timeout else None

    @property
    def seed(self) -> int:
        """Seed of the draws, and of every trial."""
        return self.base.seed

    @property
    def data(self) -> str:
        """Rows that all trials learn from."""
        return self.base.data

    def trial(self, drawn: Mapping[str, Any]) -> FinetuneSpec:
        """Return the fine-tuning of a trial; what a drawn method does not take is left out.

        Raises:
            SpecError: The values do not go together.
        """
        values = {**self.settings, **drawn}
        if "method" in drawn:
            taken = METHODS[drawn["method"]].defaults
            every = {name for method in METHODS.values() for name in method.defaults}
            values = {n: v for n, v in values.items() if n in taken or n not in every}
        return FinetuneSpec.from_mapping(values)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings by name, what is varied in words."""
        own = {item.name: getattr(self, item.name) for item in fields(self)}
        del own["settings"]
        own["search_space"] = tuple(f"{name}: {of}" for name, of in self.space.items())
        return own | self.settings

    def changed(self) -> dict[str, Any]:
        """Return the settings that differ from their defaults, what is varied in words."""
        defaults = {item.name: item.default for item in fields(self)}
        values = self.as_dict()
        return {n: v for n, v in values.items() if n in self.settings or v != defaults[n]}

    def to_yaml(self, *, changed_only: bool = False) -> str:
        """Return the spec as YAML that `from_yaml` reads back to an equal spec."""
        values = self.changed() if changed_only else self.as_dict()
        values = {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}
        return write_yaml(values | {"search_space": self.search_space})


def _strategy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings whose `search_strategy`, as the course module has it, became two of ours."""
    given = dict(values)
    strategy = given.pop("search_strategy", None)
    if strategy is None:
        return given
    names = {"type": "sampler", "num_trials": "n_trials"}
    if not isinstance(strategy, Mapping) or set(strategy) - set(names):
        raise SpecError(
            f"search_strategy must be type and num_trials; got {strategy!r}.",
            hint="Or leave it out, and write sampler: random and n_trials: 20.",
        )
    return {names[name]: value for name, value in strategy.items()} | given
