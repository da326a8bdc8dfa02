"""What is asked of a base model with adapters, looked at before a run is made."""

from collections import Counter
from collections.abc import Sequence

from .. import catalog
from ..errors import RunError, SpecError, listed
from ..run import Run
from ..spec import FinetuneSpec, OptimizeSpec

ALONE = {"target": ("cpu",), "int4": ("auto", "k_quant"), "tune": (None,)}
"""What several adapters can have of settings that single runs have more of: the other ways to int4
go by the rows of one run."""


def refuse_unshareable(spec: OptimizeSpec, runs: Sequence[tuple[Run, FinetuneSpec]]) -> None:
    """Refuse runs that cannot be put beside one exported base model.

    Raises:
        CatalogError: There is no such base model.
        RunError: Two runs have one name.
        SpecError: A target, a way to int4 or a tuning that only single runs can have.
        ExportError: What a run learned cannot be switched on and off.
    """
    from ..export.adapters import refuse_unswitchable

    catalog.check_model_name(spec.run)
    for name, allowed in ALONE.items():
        if (value := getattr(spec, name)) not in allowed:
            rule = listed([found or "left out" for found in allowed], "or")
            raise SpecError(
                f"{name} must be {rule} for several adapters; got {value}.",
                hint=f"Export each run by itself with this {name}.",
            )
    name, times = Counter(run.path.name for run, _ in runs).most_common(1)[0]
    if times > 1:
        raise RunError(
            f"Adapters are switched on by the names of their runs; {times} are called {name!r}.",
            hint="Name each run once, or rename the folder of one.",
        )
    for run, settings in runs:
        refuse_unswitchable(run.learned, settings.method)
