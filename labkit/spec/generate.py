"""Settings of answering prompts."""

from dataclasses import dataclass

from ..settings import Spec, setting


@dataclass(frozen=True, kw_only=True)
class GenerateSpec(Spec):
    """Settings of answering prompts with a base model, a tuned one or its ONNX export."""

    run: str
    """Run whose model answers; or a model's name, folder or Hugging Face id for the base alone."""

    prompts: tuple[str, ...]
    """Texts to answer; filled into the run's template where that has one place for input."""

    source: str = setting("adapter", choices=("base", "adapter", "fp32", "int8", "int4"))
    """Who answers: the base model, the adapter on it, or an ONNX export of that precision."""

    adapter: str | None = None
    """Adapter to switch on, where the ONNX export holds several; left out: the base model."""

    labels: tuple[str, ...] | None = None
    """Labels to weigh: beside each answer, how probable each of them is as the answer."""

    raw: bool = False
    """Use the prompts as they stand, without the run's template."""

    max_new_tokens: int = setting(64, at_least=1, at_most=8192, unit="tokens")
    """Longest answer."""

    temperature: float = setting(0.0, at_least=0, at_most=5)
    """0 takes the likeliest token each time; above, tokens are drawn at random."""

    top_k: int | None = setting(None, at_least=1, unit="tokens")
    """Draw among this many of the likeliest tokens only."""

    top_p: float = setting(1.0, above=0, at_most=1, unit="share of the probability")
    """Draw among the likeliest tokens that together have this probability."""

    stop: tuple[str, ...] | None = None
    """Texts that end an answer; they are not part of it."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the drawing."""
