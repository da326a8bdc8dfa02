"""What is asked of a base model with adapters, looked at before a run is made."""

from collections import Counter
from collections.abc import Sequence

from .. import catalog
from ..errors import RunError, SpecError
from ..run import Run
from ..spec import FinetuneSpec, OptimizeSpec


def refuse_unshareable(spec: OptimizeSpec, runs: Sequence[tuple[Run, FinetuneSpec]]) -> None:
    """Refuse runs that cannot be put beside one exported base model.

    Raises:
        CatalogError: There is no such base model.
        RunError: Two runs have one name.
        SpecError: The target is another than the processor.
        ExportError: What a run learned cannot be switched on and off.
    """
    from ..export.adapters import refuse_unswitchable

    catalog.check_model_name(spec.run)
    if spec.target != "cpu":
        raise SpecError(
            f"target must be cpu for several adapters; got {spec.target}.",
            hint="Export each run by itself for this target.",
        )
    name, times = Counter(run.path.name for run, _ in runs).most_common(1)[0]
    if times > 1:
        raise RunError(
            f"Adapters are switched on by the names of their runs; {times} are called {name!r}.",
            hint="Name each run once, or rename the folder of one.",
        )
    for run, settings in runs:
        refuse_unswitchable(run.learned, settings.method)
