"""Whether a change helped: the run with it beside the run without, on the same rows."""

from dataclasses import dataclass
from typing import Any

from ..evaluation import METRICS, paired_texts
from ..run import Run
from .evidence import BETTER
from .finding import Finding

NAMES = ("The first run", "The changed run")
"""What a sentence calls the two."""

FLATTERED = ("leaked_test_rows",)
"""Findings whose run has figures that say nothing, so that there is nothing to compare with."""


@dataclass(frozen=True)
class Trial:
    """A run with the change that a finding proposes."""

    run: Run
    """The changed run."""

    finding: Finding
    """What was to be mended."""

    verdict: str
    """`helped`, `worse`, `not shown` where the difference is no more than chance, or `mended` where
    the first run has no figures to compare with and the finding is gone."""

    sentence: str
    """The comparison in words, with its interval."""


def tried(before: Run, after: Run, finding: Finding, names: list[str]) -> Trial:
    """Return whether a change helped.

    Args:
        before: The run that was diagnosed.
        after: The run with the change.
        finding: What was to be mended.
        names: What a diagnosis of the changed run finds.
    """
    gone = finding.name not in names
    still = f"{finding.name} is {'gone' if gone else 'still there'}."
    old, new = before.metrics.get("tuned", {}), after.metrics.get("tuned", {})
    if not old or not new or _wanted(old) != _wanted(new) or finding.name in FLATTERED:
        said = str(after.metrics.get("comparison", {}).get("sentence", ""))
        alone = f"{NAMES[0]} has no figures to compare with. {said}".strip()
        helped = gone and said.startswith(BETTER)
        return Trial(after, finding, "mended" if helped else "not shown", f"{alone} {still}")
    said = _compared(old, new)
    verdict = {NAMES[1]: "helped", NAMES[0]: "worse"}.get(said.partition(" is better")[0])
    return Trial(after, finding, verdict or "not shown", f"{said} {still}")


def _compared(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return the paired comparison of two models' answers by the first metric of texts."""
    name = next(name for name in new["metrics"] if METRICS[name].counts is not None)
    texts = (_answers(old), _answers(new), _wanted(new))
    return f"{paired_texts(name, *texts, names=NAMES).sentence} ({name})"


def _answers(tuned: dict[str, Any]) -> list[str]:
    return list(tuned.get("predictions") or tuned.get("answers", ()))


def _wanted(tuned: dict[str, Any]) -> list[str]:
    return list(tuned.get("gold") or tuned.get("references", ()))
