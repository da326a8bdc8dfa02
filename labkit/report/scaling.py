"""A run's step on paper: a larger model, more nodes, and the network between them.

Every node computes its own rows, as many as the run's step has; then all add up their gradients by
a ring all-reduce (Patarasuk and Yuan, 2009), in which each node sends `2 (n - 1) / n` times the
gradients. A step computes 6 operations a token for a parameter that learns (Kaplan et al., 2020,
arXiv:2001.08361) and 4 for a frozen one, whose own gradient nobody asks for.
"""

from dataclasses import dataclass

from ..errors import RunError
from ..run import Run
from .blocks import Block, Picture, Table
from .chart_scaling import scaling_chart
from .words import size

GRADIENT_BYTES = 4
"""Bytes of a gradient, in float32."""


@dataclass(frozen=True)
class Step:
    """An optimizer step on one node."""

    seconds: float
    """Seconds that it computes."""

    bytes: float
    """Bytes of its gradients."""


@dataclass(frozen=True)
class Scaling:
    """What a run's step would be with a larger model on more nodes."""

    run: str
    parameters: float
    """Parameters of the larger model."""

    gbits: float
    """Bandwidth of a node's network, in 10^9 bits per second."""

    nodes: tuple[int, ...]

    steps: tuple[tuple[str, Step], ...]
    """The step of the larger model: as the run learns, and with all parameters learning."""

    def blocks(self) -> list[Block]:
        """Return the table and the picture."""
        rows = [
            _row(name, step, n, self.gbits * 1e9) for name, step in self.steps for n in self.nodes
        ]
        header = ("what learns, nodes", "computing", "gradients", "network", "faster", "limit at")
        note = (
            f"A step of a model of {self.parameters / 1e9:g} billion parameters, from the seconds "
            f"and tokens that {self.run} measured, at {self.gbits:g} Gbit/s a node. *faster*: rows "
            "per second beside one node, where nothing is sent while it computes. *limit at*: the "
            "bandwidth below which sending takes longer than computing. On paper: latency, "
            "stragglers and memory are left out."
        )
        picture = Picture("Rows per second by nodes", self.sentence, self._draw)
        return [Table("Scaling", header, tuple(rows), note=note), picture]

    @property
    def sentence(self) -> str:
        """What the picture shows, in words and numbers."""
        most = max(self.nodes)
        said = [
            f"{name}: {speedup(step, most, self.gbits * 1e9):.1f} times one node"
            for name, step in self.steps
        ]
        return f"{most} nodes at {self.gbits:g} Gbit/s: {'; '.join(said)}."

    def _draw(self) -> bytes:
        most = max(self.nodes)
        counts = [2**power for power in range(most.bit_length())]
        lines = {
            name: [speedup(step, n, self.gbits * 1e9) for n in counts] for name, step in self.steps
        }
        return scaling_chart(counts, lines)


def scaling(run: Run, parameters: float, nodes: tuple[int, ...], gbits: float) -> Scaling:
    """Return what a run's record says about a larger model on more nodes.

    Args:
        run: A fine-tuning that has taken steps.
        parameters: Of the larger model; as large a share of them learns as in the run.
        nodes: Numbers of nodes.
        gbits: Bandwidth of a node's network, in 10^9 bits per second.

    Raises:
        RunError: The run has no steps.
    """
    steps, plan = run.of("step"), run.last("plan")
    if not steps or plan is None:
        raise RunError(
            f"The run {run.name!r} has taken no steps to calculate from.",
            hint="Name a fine-tuning that has; %runs lists them.",
        )
    share = plan["trainable"] / plan["total"]
    seconds = sorted(float(step["seconds"]) for step in steps)[len(steps) // 2]
    larger = seconds * parameters / plan["total"]
    measured = Step(larger, GRADIENT_BYTES * share * parameters)
    whole = Step(larger * 6 / _work(share), GRADIENT_BYTES * parameters)
    names = (("as the run", measured), ("all of it", whole))
    return Scaling(run.name, parameters, gbits, nodes, names if share < 1 else names[1:])


def sending_seconds(step: Step, nodes: int, bits: float) -> float:
    """Return how long a ring all-reduce of a step's gradients takes at `bits` per second."""
    return 2 * (nodes - 1) / nodes * step.bytes * 8 / bits


def speedup(step: Step, nodes: int, bits: float) -> float:
    """Return how many times more rows per second `nodes` learn than one does."""
    return nodes * step.seconds / (step.seconds + sending_seconds(step, nodes, bits))


def limit_bits(step: Step, nodes: int) -> float:
    """Return the bandwidth, in bits per second, at which sending takes as long as computing."""
    return sending_seconds(step, nodes, 1.0) / step.seconds


def _work(share: float) -> float:
    """Return operations a parameter and token, where this share of the parameters learns."""
    return 6 * share + 4 * (1 - share)


def _row(name: str, step: Step, n: int, bits: float) -> tuple[str, ...]:
    return (
        f"{name}, {n}",
        f"{step.seconds:.3g} s",
        size(step.bytes),
        f"{sending_seconds(step, n, bits):.3g} s",
        f"{speedup(step, n, bits):.1f} x",
        f"{limit_bits(step, n) / 1e9:.2g} Gbit/s",
    )
