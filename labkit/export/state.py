"""One climb of the ladder: what was asked, and what was found so far."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .gates import USABLE
from .held_out import HeldOut
from .kept import Prints
from .metric import metric_of
from .request import Request
from .tuned import Tuned
from .work import Work


@dataclass
class Ladder:
    """One climb: what was asked, and what was found so far."""

    tuned: Tuned
    out: Path
    request: Request
    held_out: HeldOut
    prints: Prints
    work: Work
    last: dict[str, Any]
    """What the climb before found."""
    there: dict[str, Path]
    """Folders of rungs that are whole, by name: kept ones and new ones."""
    rungs: dict[str, dict[str, Any]] = field(init=False)
    whole: Tuned | None = None
    """The tuned model as PyTorch answers best: merged, where it merges."""
    answers: list[str] | None = None
    """What the tuned model answered to the scored rows."""

    def __post_init__(self) -> None:
        self.rungs = dict(self.last["rungs"])

    def note(self, name: str, **found: Any) -> None:  # noqa: ANN401 - JSON values
        """Note what was found about a rung, and tell it."""
        self.rungs.setdefault(name, {}).update(found)
        self.work.emit("rung", name=name, **found)

    def metric(self, answers: list[str] | None, before: list[str] | None) -> dict[str, Any]:
        """Return the rung's key `metric`; nothing where no rows are scored."""
        if not answers:
            return {}
        return {"metric": metric_of(self.held_out, answers, before, seed=self.request.seed)}

    @property
    def kept(self) -> dict[str, Path]:
        """Folders that may be used: passed or accepted, asked for now or before."""
        asked = {*self.request.precisions, *(n for n, p in self.there.items() if self.is_old(p))}
        return {
            name: folder
            for name, folder in self.there.items()
            if name in asked and self.rungs[name]["verdict"] in USABLE
        }

    def is_old(self, folder: Path) -> bool:
        """Whether a rung's folder is that of an earlier climb."""
        return folder.parent == self.out

    @property
    def chosen(self) -> str | None:
        """The smallest rung that may be used."""
        return min(self.kept, key=lambda name: self.rungs[name]["size_bytes"], default=None)
