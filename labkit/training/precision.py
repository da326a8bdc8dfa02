"""Which arithmetic the matrix products use: measured on a processor, asked of a GPU.

bfloat16 doubles the speed of some processors and takes a tenth of it from others, and some GPUs
claim it and emulate it; so nothing is assumed.
"""

import time
from dataclasses import dataclass

import torch

ROWS = 64
"""Tokens in the measured product."""

SECONDS = 0.08
"""Time given to each measurement."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""The type of each precision's matrix products."""

WORTH = 1.2
"""How much faster bfloat16 must be before `auto` takes it."""


@dataclass(frozen=True)
class Precision:
    """The arithmetic of a run, and why."""

    name: str
    """`fp32`, `bf16` or `fp16`; the weights that learn are float32 with each of them."""

    reason: str
    """One sentence for the reader, with the measured numbers where there are any."""

    gflops: dict[str, float]
    """Measured speed by precision, in 10^9 floating-point operations per second; or empty."""

    @property
    def dtype(self) -> torch.dtype:
        """The type that autocast gives to the matrix products."""
        return DTYPES[self.name]


def choose(wanted: str, *, hidden: int, intermediate: int) -> Precision:
    """Return the precision of a run that asked for `auto`, `fp32` or `bf16`.

    Args:
        wanted: The spec's `precision`.
        hidden: Width of the model's hidden states.
        intermediate: Width of its feed-forward layers.
    """
    if wanted != "auto":
        return Precision(wanted, f"Precision {wanted}, as set.", {})
    if torch.cuda.is_available():
        return _on_gpu()
    speeds = {name: gflops(dtype, hidden, intermediate) for name, dtype in _MEASURED.items()}
    return faster(speeds)


def faster(speeds: dict[str, float]) -> Precision:
    """Return bf16 where it is clearly faster than fp32; `speeds` in GFLOP/s by name."""
    name = "bf16" if speeds["bf16"] >= WORTH * speeds["fp32"] else "fp32"
    text = ", ".join(f"{key}: {_short(speed)} GFLOP/s" for key, speed in speeds.items())
    return Precision(name, f"{text} on this processor → {name}.", speeds)


def gflops(dtype: torch.dtype, hidden: int, intermediate: int) -> float:
    """Measure the model's widest product on the CPU, in 10^9 operations per second."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(ROWS, hidden, generator=generator).to(dtype)
    weight = torch.rand(intermediate, hidden, generator=generator).to(dtype)
    torch.nn.functional.linear(x[:4], weight)  # the first call pays for setting up
    done, start, elapsed = 0, time.perf_counter(), 0.0
    while elapsed < SECONDS:
        torch.nn.functional.linear(x, weight)
        done, elapsed = done + 1, time.perf_counter() - start
    return 2e-9 * ROWS * hidden * intermediate * done / elapsed


_MEASURED = {"fp32": torch.float32, "bf16": torch.bfloat16}


def _on_gpu() -> Precision:
    name = torch.cuda.get_device_name()
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return Precision("bf16", f"{name} computes in bf16 → bf16.", {})
    return Precision("fp16", f"{name} only emulates bf16 → fp16 with scaled gradients.", {})


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
