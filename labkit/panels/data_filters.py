"""The controls that say which rows are looked for."""

from collections.abc import Callable, Sequence
from typing import Any

from .data_lines import Line, Wanted
from .pieces import button, labelled, row

MOST_LABELS = 60
"""Labels that can be chosen from; of more, the text finds them."""


class DataFilters:
    """Split, label, text, length, doubles, remarks.

    Args:
        changed: Called when a person looks for something else.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        from ipywidgets import BoundedIntText, Checkbox, Dropdown, Text

        any_one = {"options": [("all", "")], "value": ""}
        number = {"min": 0, "max": 10**6, "value": 0}
        self.text = labelled(Text, "find text", "Words that all stand in the row, in any column")
        self.split = labelled(Dropdown, "split", "Rows of one split", **any_one)
        self.label = labelled(Dropdown, "label", "Rows with one label", **any_one)
        self.least = labelled(BoundedIntText, "at least", "Shortest length", **number)
        self.most = labelled(BoundedIntText, "at most", "Longest length; 0 for any", **number)
        tip = "Rows that stand twice or nearly so, in one split or across two"
        self.doubles = labelled(Checkbox, "duplicates only", tip, value=False, indent=False)
        tip = "Rows about which something was found"
        self.problems = labelled(Checkbox, "problems only", tip, value=False, indent=False)
        self._quiet = False
        self._changed = changed
        self._all = (self.text, self.split, self.label, self.least, self.most, self.doubles,
                     self.problems)  # fmt: skip
        widths = ("260px", "170px", "220px", "170px", "170px", "150px", "150px")
        for widget, width in zip(self._all, widths, strict=True):
            widget.style.description_width = "initial"
            widget.layout.width = f"min({width}, 100%)"
            widget.observe(self._moved, "value")
        clear = button("All rows", "Look for any row again", self.reset)
        self.widget: Any = row(*self._all, clear)

    @property
    def wanted(self) -> Wanted:
        """What is looked for."""
        return Wanted(*(widget.value for widget in (
            self.split, self.label, self.text, self.least, self.most, self.doubles, self.problems
        )))  # fmt: skip

    def reset(self) -> None:
        """Look for any row again."""
        for widget, value in zip(self._all, ("", "", "", 0, 0, False, False), strict=True):
            widget.value = value

    def offer(self, lines: Sequence[Line], unit: str) -> None:
        """Offer the splits and labels that there are; what is chosen stays where it can."""
        self._quiet = True
        splits = list(dict.fromkeys(line.split for line in lines))
        labels = sorted({line.label for line in lines if line.label})
        _options(self.split, splits)
        _options(self.label, labels if len(labels) <= MOST_LABELS else [])
        self.label.layout.display = "" if labels and len(labels) <= MOST_LABELS else "none"
        self.least.description = f"at least ({unit})"
        self.most.description = f"at most ({unit})"
        self._quiet = False

    def _moved(self, _: Any) -> None:  # noqa: ANN401 - traitlets'
        if not self._quiet:
            self._changed()


def _options(choice: Any, names: Sequence[str]) -> None:  # noqa: ANN401 - a dropdown
    options = (("all", ""), *((name, name) for name in names))
    if tuple(choice.options) != options:
        kept = choice.value if choice.value in names else ""
        choice.options = options
        choice.value = kept
