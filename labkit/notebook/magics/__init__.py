"""The magics: each reads its text, calls the library and shows the result."""

from .at_hand import AtHandMagics
from .lab import CourseMagics
from .training import TrainingMagics
from .tuned import TunedMagics

CLASSES = (TrainingMagics, TunedMagics, AtHandMagics, CourseMagics)
"""All of them, by group."""

MAGIC_METHODS = {
    kind: {
        name: getattr(group, method)
        for group in CLASSES
        for name, method in group.magics[kind].items()
    }
    for kind in ("line", "cell")
}
"""The function behind each magic, by kind and name."""

__all__ = ["CLASSES", "MAGIC_METHODS"]
