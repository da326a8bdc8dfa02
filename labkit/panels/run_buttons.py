"""What is above and beneath the list of runs: the text to find, pages, buttons for the chosen."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

from ..report import links
from ..report.facts import place
from .pieces import button, labelled, link_place, put_links, row, text
from .run_entries import Entry

TIPS = {
    "refresh": "Read the folder again, sizes too",
    "back": "The page of runs before this one",
    "further": "The next page of runs",
    "show": "Show the chosen run below, with its own buttons",
    "compare": "Show how the two chosen runs differ",
    "stop": "Let the chosen runs finish their step, save and end",
    "delete": "Delete the chosen runs; asks first",
}
TITLES = {"back": "◀ Back", "further": "Further ▶", "delete": "Delete …"}


class RunButtons:
    """The controls around the list.

    Args:
        press: What to call, by the names in `TIPS`.
        find: Called when the text to find changes.
    """

    def __init__(self, press: Mapping[str, Callable[[], None]], find: Callable[[], None]) -> None:
        from ipywidgets import Text

        self.press = {
            name: button(TITLES.get(name, name.capitalize()), tip, press[name])
            for name, tip in TIPS.items()
        }
        tip = "Words of a name, job, status, model, data set or result; all must be there"
        self.find = labelled(Text, "find runs", tip, placeholder="words, as: intents done")
        self.find.style.description_width = "initial"
        self.find.layout.width = "min(360px, 100%)"
        self.find.observe(lambda _: find(), "value")
        self._summary, self._links = text(), link_place()
        refresh, back, further, *rest = self.press.values()
        self._pager = row(back, further)
        self.above = row(self.find, refresh)
        self.beneath = [self._pager, self._summary, row(*rest, self._links)]

    def offer(self, chosen: Sequence[Entry]) -> None:
        """Let the buttons be pressed that can be of use for the chosen runs."""
        self._allow("show", len(chosen) == 1)
        self._allow("compare", len(chosen) == 2)
        self._allow("stop", any(entry.is_alive for entry in chosen))
        self._allow("delete", bool(chosen))
        put_links(self._links, "".join(links(run.run, place(run.run)) for run in chosen[:2]))

    def turn(self, page: int, pages: int) -> None:
        """Say which page is shown."""
        self._allow("back", page > 0)
        self._allow("further", page + 1 < pages)
        self._pager.layout.display = "" if pages > 1 else "none"

    def say(self, text: str) -> None:
        """Show the sentence beneath the list."""
        html = f"<div>{escape(text)}</div>"
        if self._summary.value != html:
            self._summary.value = html

    def _allow(self, name: str, is_allowed: bool) -> None:
        if self.press[name].disabled is is_allowed:
            self.press[name].disabled = not is_allowed
