"""What more nodes would do, on paper, from a run's record."""

from dataclasses import dataclass

from .. import report
from ..errors import SpecError
from ..report import Scaling
from ..run import Run, as_run


@dataclass(frozen=True)
class ShownScaling:
    """A calculation that shows itself as text or as a page with its picture."""

    scaling: Scaling

    def __repr__(self) -> str:
        return report.plain(self.scaling.blocks())

    def _repr_html_(self) -> str:
        return report.fragment(self.scaling.blocks())


def scaling(
    run: str | Run,
    *,
    parameters: float = 1e9,
    nodes: tuple[int, ...] = (1, 8, 64),
    gbits: float = 10.0,
) -> ShownScaling:
    """Calculate what a run's step would take with a larger model on more nodes.

    Args:
        run: A fine-tuning that has taken steps.
        parameters: Of the larger model.
        nodes: Numbers of nodes.
        gbits: Bandwidth of a node's network, in 10^9 bits per second.

    Raises:
        RunError: There is no such run, or it has taken no steps.
        SpecError: A number is not above 0.
    """
    for name, least in (("parameters", parameters), ("nodes", min(nodes)), ("gbits", gbits)):
        if not least > 0:
            raise SpecError(f"{name} must be above 0; got {least:g}.", hint=f"See {name} in help.")
    found = as_run(run)
    return ShownScaling(report.scaling(found, parameters, nodes, gbits))
