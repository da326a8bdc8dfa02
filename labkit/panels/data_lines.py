"""The rows of a data set as a list shows them, and which of them fit what a person looks for."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ..data.examples import Example
from ..data.quality import Material, Place, Quality
from ..data.tables import Row

MOST = 100_000
"""Rows that are listed; of more the first ones."""

LONG = 2_000
"""Characters of a row, in all its columns, that are searched."""

UNUSED = "not used"
"""Stands for the split of a row that a run would leave out or refuse."""


@dataclass(frozen=True)
class Line:
    """One row of the data."""

    row: Row
    split: str
    example: Example | None
    """As the model sees it; None where it cannot be rendered or is not used."""

    length: int
    """Of prompt and completion, in words or tokens; 0 without them."""

    searched: str
    """Its texts in small letters."""

    is_double: bool = False
    """Whether it stands twice or nearly so, in its split or across two."""

    remarks: tuple[str, ...] = ()
    """What is off about it, in a word or two each."""

    @property
    def label(self) -> str:
        """Its label, if it has one."""
        return (self.example.label or "") if self.example else ""


@dataclass(frozen=True)
class Wanted:
    """What a person looks for; what is left out fits any row."""

    split: str = ""
    label: str = ""
    text: str = ""
    at_least: int = 0
    """Shortest length."""

    at_most: int = 0
    """Longest length; 0 for any."""

    is_double: bool = False
    has_remarks: bool = False

    def fits(self, line: Line) -> bool:
        """Tell whether a row is looked for; all words of the text must stand in it."""
        return (
            (not self.split or line.split == self.split)
            and (not self.label or line.label == self.label)
            and line.length >= self.at_least
            and (not self.at_most or line.length <= self.at_most)
            and (line.is_double or not self.is_double)
            and (bool(line.remarks) or not self.has_remarks)
            and all(word in line.searched for word in self.text.casefold().split())
        )


def lines_of(material: Material) -> list[Line]:
    """Return the rows of a data set in the order of its splits, at most `MOST`."""
    refused = {place: problem for place, problem in material.unusable}
    found: list[Line] = []
    for split, rows in material.chosen.items():
        sides = (split,) if "validation" in material.chosen or split != "train" else SIDES
        known = _by_number(material, sides)
        for row in rows[: MOST - len(found)]:
            place = Place(row.file, row.number)
            seen = known[row.number]
            side, example = seen.popleft() if seen and place not in refused else (UNUSED, None)
            remarks = ("cannot be used",) if place in refused else ()
            found.append(_line(row, side, example, remarks))
    return found


SIDES = ("train", "validation")
"""Where training rows go if a share of them is cut off."""


def with_findings(lines: Sequence[Line], quality: Quality) -> list[Line]:
    """Return the rows with what an inspection found about each, and their lengths in its unit."""
    remarks: dict[Place, list[str]] = defaultdict(list)
    for finding in quality.findings:
        for place in finding.places:
            remarks[place].append(finding.about)
    doubles = set(_doubles(quality))
    lengths = _lengths(lines, quality)
    return [
        replace(
            line,
            length=lengths.get(id(line.example), line.length),
            is_double=any(place in doubles for place in _places(line)),
            remarks=tuple(
                dict.fromkeys([*line.remarks, *(r for p in _places(line) for r in remarks[p])])
            ),
        )
        for line in lines
    ]


def unit_of(lines: Sequence[Line], quality: Quality | None) -> str:
    """Return what the lengths of rows with findings are counted in."""
    if quality is None or quality.lengths is None or not _lengths(lines, quality):
        return "words"
    return quality.lengths.unit


def columns_in(lines: Iterable[Line]) -> list[str]:
    """Return the columns of the rows, in order of appearance."""
    return list(dict.fromkeys(column for line in lines for column in line.row.values))


def _by_number(
    material: Material, sides: Sequence[str]
) -> Mapping[int, deque[tuple[str, Example]]]:
    """Return the rendered rows by their number in the source; joined files repeat numbers."""
    found: Mapping[int, deque[tuple[str, Example]]] = defaultdict(deque)
    for side in sides:
        for example in material.parts.get(side, ()):
            found[example.row].append((side, example))
    return found


def _line(row: Row, split: str, example: Example | None, remarks: tuple[str, ...]) -> Line:
    text = "\n".join(map(_text, row.values.values()))[:LONG].casefold()
    length = len(f"{example.prompt} {example.completion}".split()) if example else 0
    return Line(row, split, example, length, text, remarks=remarks)


def _text(value: Any) -> str:  # noqa: ANN401 - any cell
    return value if isinstance(value, str) else "" if value is None else str(value)


def _places(line: Line) -> tuple[Place, ...]:
    """Return the names under which findings know a row: by its split and by its file."""
    places = Place(line.split, line.row.number), Place(line.row.file, line.row.number)
    return places[:1] if places[0] == places[1] else places


def _doubles(quality: Quality) -> Iterable[Place]:
    twins = quality.twins
    groups = (*twins.within.values(), *twins.across.values(), twins.contradictions)
    for pair in chain(*groups, *quality.near.values()):
        yield pair.one
        yield pair.other


def _lengths(lines: Sequence[Line], quality: Quality) -> dict[int, int]:
    """Return the length of each example that was measured, if all of them were."""
    found = quality.lengths
    if found is None or found.n_measured < found.n_rows:
        return {}
    parts: dict[str, list[Example]] = defaultdict(list)
    for line in lines:
        if line.example is not None:
            parts[line.split].append(line.example)
    if any(len(parts[split]) != len(each) for split, each in found.splits.items()):
        return {}
    return {
        id(example): length
        for split, each in found.splits.items()
        for example, length in zip(parts[split], each, strict=True)
    }
