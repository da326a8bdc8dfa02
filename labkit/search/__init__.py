"""A search: trials that are drawn, claimed by one process each, given up or judged.

`study` and `claims` need Optuna and are the worker's; the rest only reads folders.
"""

from .trials import BASELINE, TRIALS, Trial, best_of, is_better, root_of, searched, trials_of

__all__ = [
    "BASELINE",
    "TRIALS",
    "Trial",
    "best_of",
    "is_better",
    "root_of",
    "searched",
    "trials_of",
]
