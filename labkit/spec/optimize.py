"""Settings of an export."""

from dataclasses import dataclass

from ..errors import SpecError
from ..settings import Spec, setting
from .times import check_time, seconds_of

PRECISIONS = ("fp32", "int8", "int4")
"""Weights of an exported model, from the largest to the smallest."""

TARGETS = ("cpu", "cuda", "directml", "qnn", "openvino", "coreml", "webgpu", "auto")
"""Execution providers by their short names; `auto` measures those that are installed."""


@dataclass(frozen=True, kw_only=True)
class OptimizeSpec(Spec):
    """Settings of one export to ONNX."""

    run: str
    """Run to optimise, a name from `labkit runs` or the path of its folder; with `adapters` the
    base model that they share."""

    precision: tuple[str, ...] = setting(("int8",), choices=PRECISIONS)
    """Precisions to try, as `fp32,int8,int4`; the smallest that passes its gate is the model."""

    adapters: tuple[str, ...] | None = None
    """LoRA runs to put beside one exported base model, to be switched while it answers."""

    target: str = setting("cpu", choices=TARGETS)
    """Execution provider the model is made for; `auto` measures what is installed and picks."""

    accept: bool = False
    """Keep a model that is beyond its gate; its card says so."""

    max_kl: float | None = setting(None, above=0, unit="nats per token")
    """Gate: largest mean divergence of a quantised model from the tuned one; left out: 0.05."""

    min_top1: float | None = setting(None, at_least=0, at_most=1, unit="share of the tokens")
    """Gate: smallest share of tokens whose likeliest next token stays the same; left out: 0.9."""

    max_drop: float | None = setting(None, at_least=0, at_most=1, unit="of the task's metric")
    """Gate: how much of the task's metric quantisation may cost beyond chance; left out: 0.02."""

    int4: str = setting("auto", choices=("auto", "k_quant", "gptq", "repaired"))
    """How int4 weights are found: `k_quant` without data, `gptq` with training rows, `repaired`
    trained some more after that; `auto` takes the cheapest that passes the gate."""

    tune: str | None = None
    """Time to spend on finding the best session settings, as `60s` or `2m`; left out: none."""

    limit: int | None = setting(None, at_least=2, unit="held-out rows")
    """Check on at most this many held-out rows."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the rows that are drawn and of what int4 learns."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.precision)) < len(self.precision):
            raise SpecError(
                f"precision must name each precision once; got {', '.join(self.precision)}.",
                hint="For example: fp32,int8,int4.",
            )
        ordered = tuple(name for name in PRECISIONS if name in self.precision)
        object.__setattr__(self, "precision", ordered)
        check_time("tune", self.tune)

    @property
    def tune_seconds(self) -> float:
        """Time to spend on session settings, in seconds; 0 for none."""
        return seconds_of(self.tune or "0s")
