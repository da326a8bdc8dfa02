"""Settings of an export."""

from dataclasses import dataclass

from ..settings import Spec, setting


@dataclass(frozen=True, kw_only=True)
class OptimizeSpec(Spec):
    """Settings of one export to ONNX."""

    run: str
    """Run to optimise: a name from `labkit runs` or the path of its folder."""

    precision: str = setting("int8", choices=("fp32", "int8", "int4"))
    """Weights of the exported model; below about 0.5 B parameters int4 costs quality."""

    target: str = setting("cpu", choices=("cpu",))
    """Execution provider the model is made for."""

    limit: int | None = setting(None, at_least=2, unit="held-out rows")
    """Check on at most this many held-out rows."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the texts that latency is measured on."""
