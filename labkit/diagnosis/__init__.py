"""What is wrong with a run: from its record, its results and its rows, without a model.

Causes come first. What only follows from a cause, as bad results, is looked for where no cause was
found.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..run import Run
from . import exports, results, rows, steps, targets
from .evidence import Evidence
from .finding import SECTIONS, Finding

__all__ = ["CAUSES", "SECTIONS", "SYMPTOMS", "Diagnosis", "Finding", "diagnosed"]

Rule = Callable[[Evidence], Finding | None]

CAUSES: tuple[Rule, ...] = (
    steps.nothing_learned,
    steps.rate_too_high,
    steps.rate_too_low,
    targets.pad_tokens,
    targets.no_end,
    targets.shifted,
    targets.cut_prompts,
    rows.leak,
    rows.other_template,
    rows.contradictions,
    rows.duplicates,
    exports.left_out,
    exports.not_merged,
    exports.other_tokenizer,
)
"""What can be wrong by itself."""

SYMPTOMS: tuple[Rule, ...] = (
    steps.unstable,
    results.other_loss,
    results.overfitting,
    results.too_few_rows,
    results.underfitting,
    rows.doubted_labels,
    rows.other_language,
    results.forgetting,
)
"""What may follow from something else."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found wrong with a run."""

    run: Run
    findings: tuple[Finding, ...]
    """The causes, or where there are none what the results say."""

    unseen: tuple[str, ...]
    """What could not be looked at, as sentences."""

    @property
    def names(self) -> list[str]:
        """Names of the findings."""
        return [finding.name for finding in self.findings]


def diagnosed(run: Run) -> Diagnosis:
    """Look at what a fine-tuning left, its exports included; nothing heavy is loaded.

    Raises:
        SpecError: The run is no fine-tuning.
    """
    seen = Evidence.of(run)
    every = _asked(CAUSES, seen) or _asked(SYMPTOMS, seen)
    findings = {finding.name: finding for finding in reversed(every)}  # of two the first rule's
    return Diagnosis(run, tuple(reversed(findings.values())), tuple(seen.unseen()))


def _asked(rules: tuple[Rule, ...], seen: Evidence) -> list[Finding]:
    return [found for rule in rules if (found := rule(seen)) is not None]
