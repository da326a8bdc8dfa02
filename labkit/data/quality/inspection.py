"""All that is to be known of a data set before it is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...catalog.entries import data_entry
from ...errors import DataError
from ...spec import FinetuneSpec
from .advice import split_findings
from .alike import near_findings, near_pairs
from .balance import Balance, balance_findings, balance_of
from .chat_fit import chat_findings
from .findings import Finding
from .lengths import Lengths, length_findings, lengths_of
from .material import Material, material_of
from .personal import Personal, personal_findings, personal_of
from .shift import Shift, shift_findings, shifts_of
from .twins import Pair, Twins, twin_findings, twins_of
from .values import value_findings

ORDER = ("stop", "warn", "hint")


@dataclass(frozen=True)
class Quality:
    """What was found in a data set."""

    spec: FinetuneSpec

    task: str
    """What would be learned; empty where nothing could be read."""

    sizes: dict[str, int]
    """Split → rows that can be used."""

    refusal: DataError | None
    """Why a run would refuse the data; None where it would not."""

    findings: tuple[Finding, ...]
    """What is off, the worst first."""

    twins: Twins
    near: dict[tuple[str, str], tuple[Pair, ...]]
    """Two splits → rows of the second that are nearly a row of the first."""

    balance: Balance | None
    """Labels of a classification."""

    lengths: Lengths | None
    personal: tuple[Personal, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...]
    """What `load` says: how the rows were split, what was evened out."""


def inspect_data(spec: FinetuneSpec, *, base: Path | None = None) -> Quality:
    """Return what is to be known of the rows that a spec names; also of rows a run would refuse.

    Args:
        spec: `model` (its tokenizer, if it is cached), `data`, splits, templates, `max_length`.
        base: Folder that relative paths start from; the working directory if left out.

    Raises:
        DataError: There is no such data.
        SpecError: A setting is wrong.
    """
    try:
        return inspected(material_of(spec, base))
    except DataError as error:
        path = (base or Path()) / Path(spec.data).expanduser()
        if data_entry(spec.data) is None and not (spec.data.strip() and path.exists()):
            raise
        return Quality(spec, "", {}, error, (), Twins({}, {}, ()), {}, None, None, (), (), ())


def inspected(material: Material) -> Quality:
    """Return what is to be known of rows that have been read."""
    twins, near = twins_of(material), near_pairs(material)
    balance, lengths = balance_of(material), lengths_of(material)
    personal, shifts = personal_of(material), shifts_of(material, balance, lengths)
    findings = [
        *value_findings(material),
        *twin_findings(twins),
        *near_findings(near),
        *balance_findings(balance),
        *personal_findings(personal),
        *length_findings(lengths),
        *shift_findings(shifts),
        *split_findings(material),
        *chat_findings(material),
    ]
    sizes = {split: len(part) for split, part in material.parts.items()}
    return Quality(
        material.spec, material.task, sizes, material.refusal, _sorted(findings), twins, near,
        balance, lengths, personal, shifts, material.notes,
    )  # fmt: skip


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.severity)))
