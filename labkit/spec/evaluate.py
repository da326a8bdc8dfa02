"""Settings of a measurement, and of folding an adapter into its base."""

from dataclasses import dataclass

from ..settings import Spec, setting


@dataclass(frozen=True, kw_only=True)
class EvaluateSpec(Spec):
    """Settings of measuring a tuned model, beside others on the same rows."""

    run: str
    """Run to measure: a name from `labkit runs` or the path of its folder."""

    data: str | None = None
    """Rows to measure on, named as in a fine-tuning; left out: the run's own held-out rows."""

    split: str | None = None
    """Split of those rows, as `test` or `validation[:50]`; left out: test, else validation."""

    metrics: tuple[str, ...] | None = None
    """Metrics to compute; left out: those of the run's task."""

    against: tuple[str, ...] = ("base",)
    """Who is measured on the same rows: `base`, `merged`, and names of other runs."""

    limit: int | None = setting(None, at_least=1, unit="rows")
    """Measure on at most this many rows."""

    max_new_tokens: int | None = setting(None, at_least=1, at_most=8192, unit="tokens")
    """Longest answer; left out: the longest reference and a quarter more."""

    temperature: float = setting(0.0, at_least=0, at_most=5)
    """0 takes the likeliest token each time; above, tokens are drawn at random."""

    prior_correction: bool = False
    """Classification: divide each label's likelihood by that after a prompt without content
    (Zhao et al., 2021, arXiv:2102.09690)."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of drawn tokens, of the bootstrap and of the random samples shown."""


@dataclass(frozen=True, kw_only=True)
class MergeSpec(Spec):
    """Settings of folding what a run learned into its base model's weights."""

    run: str
    """Run to merge: a name from `labkit runs` or the path of its folder."""

    limit: int | None = setting(16, at_least=1, unit="held-out rows")
    """Measure the difference that merging makes on at most this many rows."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed, kept with the record."""
