"""The pieces a report is made of; text, HTML and Markdown each draw the same ones."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """Name, status and progress of the run."""

    name: str
    sign: str
    status: str
    line: str
    done: float | None = None
    """Steps taken, or rows of a stage; None where there is no bar to show."""
    total: float = 1.0


@dataclass(frozen=True)
class Facts:
    """Labels and values."""

    title: str
    items: tuple[tuple[str, str], ...]
    tiles: bool = False
    """Few and short: shown side by side where there is room."""


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell of a row names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: bool = True
    """Whether the cells after the first are numbers, and so end at the same edge."""
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawing, made when it is shown, and the sentence that says the same."""

    title: str
    alt: str
    draw: Callable[[], bytes]


@dataclass(frozen=True)
class Box:
    """Something to act on: what happened and what to do next."""

    title: str
    problem: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Lines:
    """Sentences, folded away where there is a fold."""

    title: str
    items: tuple[str, ...]
    folded: bool = True


Block = Head | Facts | Table | Picture | Box | Lines
