"""Settings of several adapters that are trained on one base model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..errors import SpecError
from ..settings import Spec
from .finetune import FinetuneSpec
from .steps import check_one_process

EXAMPLE = "For example adapters: {tone: {data: phrases}, intents: {data: intents, r: 8}}."


@dataclass(frozen=True, kw_only=True)
class AdaptersSpec(Spec):
    """Settings of several fine-tunings that share one base model in memory."""

    adapters: dict[str, Any]
    """Adapters to train one after another, by the names of their runs: of each its settings; in
    YAML only those that differ from the settings beside `adapters`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.adapters:
            raise SpecError("adapters is empty.", hint=EXAMPLE)
        specs = {str(name): _read(str(name), values) for name, values in self.adapters.items()}
        models = list(dict.fromkeys(spec.model for spec in specs.values()))
        if len(models) > 1:
            raise SpecError(
                f"model must be the same for all adapters; got {' and '.join(models)}.",
                hint="Write it once, beside adapters, or train on each model by itself.",
            )
        whole = next((name for name, spec in specs.items() if spec.method == "full"), None)
        if whole is not None:
            raise SpecError(
                f"method must be one that leaves an adapter; got 'full' for {whole!r}.",
                hint="Train all weights in a run of its own.",
            )
        check_one_process(max(spec.processes for spec in specs.values()), "adapters")
        plain = {name: _plain(spec.changed()) for name, spec in specs.items()}
        object.__setattr__(self, "adapters", plain)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Make a spec from `adapters` and the settings beside it, which are the same for all."""
        shared = {name: value for name, value in values.items() if name != "adapters"}
        return cls(adapters={name: shared | own for name, own in own_settings(values).items()})

    @property
    def seed(self) -> int:
        """Seed of the first adapter."""
        return self.of(next(iter(self.adapters))).seed

    def of(self, name: str) -> FinetuneSpec:
        """Return the settings of an adapter."""
        return FinetuneSpec.from_mapping(self.adapters[name])


def own_settings(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each adapter's own settings by its name.

    Args:
        values: Settings as they were given, `adapters` among them.

    Raises:
        SpecError: They are not settings by name.
    """
    given = values.get("adapters")
    if not isinstance(given, Mapping) or not given:
        raise SpecError(f"adapters must be settings by name; got {given!r}.", hint=EXAMPLE)
    for name, own in given.items():
        if own is not None and not isinstance(own, Mapping):
            problem = f"adapters: {name} must be name: value lines; got {own!r}."
            raise SpecError(problem, hint=EXAMPLE)
    return {str(name): dict(own or {}) for name, own in given.items()}


def _read(name: str, values: Mapping[str, Any]) -> FinetuneSpec:
    try:
        return FinetuneSpec.from_mapping(values)
    except SpecError as error:
        raise SpecError(f"adapters: {name}: {error.problem}", error.hint) from error


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
