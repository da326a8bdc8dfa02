"""Rows of a data set read and inspected, off the page."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..api.staging import staged
from ..data.quality import Material, Quality, inspected, material_of
from ..errors import LabError
from ..spec import FinetuneSpec
from .data_lines import Line, lines_of, unit_of, with_findings


class Read(NamedTuple):
    """What was read of a data set."""

    spec: FinetuneSpec
    material: Material | None
    lines: list[Line]
    error: LabError | None = None


class Inspected(NamedTuple):
    """The rows with what was found about them."""

    quality: Quality
    lines: list[Line]
    unit: str


def read(given: Mapping[str, Any], spec: FinetuneSpec) -> Read:
    """Read and render the rows; those handed over as objects become files meanwhile.

    Args:
        given: What was asked for, the rows as `data`.
        spec: All other settings.
    """
    try:
        with staged(dict(given)) as ready:
            changes = {**spec.changed(), "data": ready["data"]}
            material = material_of(FinetuneSpec.from_mapping(changes))
            return Read(spec, material, lines_of(material))
    except LabError as error:
        return Read(spec, None, [], error)


def inspect(found: Read) -> Inspected:
    """Look for duplicates, lengths, labels and what else is told of rows that were read."""
    assert found.material is not None
    quality = inspected(found.material)
    return Inspected(quality, with_findings(found.lines, quality), unit_of(found.lines, quality))
