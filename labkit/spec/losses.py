"""The losses that come with labkit: what each is, and which settings it takes.

Only names and values stand here; what a loss computes is in `labkit.training.losses`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Loss:
    """One loss."""

    title: str
    """What people call it."""

    paper: str
    """Authors, year and arXiv number."""

    defaults: Mapping[str, Any]
    """The settings that it takes, with their defaults."""

    unit: str = "nats per token"
    """What its numbers are, in a picture and in a sentence."""


LOSSES: Mapping[str, Loss] = {
    "cross_entropy": Loss(
        "cross-entropy",
        "label smoothing: Szegedy et al., 2015, arXiv:1512.00567",
        {"label_smoothing_factor": 0.0, "class_weights": None},
    ),
    "focal": Loss(
        "focal loss",
        "Lin et al., 2017, arXiv:1708.02002",
        {"focal_gamma": 2.0, "class_weights": None},
        "weighted nats per token",
    ),
    "unlikelihood": Loss(
        "unlikelihood",
        "Welleck et al., 2019, arXiv:1908.04319",
        {"unlikelihood_alpha": 1.0},
    ),
    "distillation": Loss(
        "distillation",
        "Hinton et al., 2015, arXiv:1503.02531",
        {"teacher": None, "temperature": 2.0, "teacher_weight": 0.5},
    ),
    "dpo": Loss(
        "direct preference optimization",
        "Rafailov et al., 2023, arXiv:2305.18290",
        {"beta": 0.1, "rejected_template": "{rejected}"},
        "nats per pair",
    ),
    "contrastive": Loss(
        "contrastive loss",
        "Hadsell et al., 2006, doi:10.1109/CVPR.2006.100",
        {"margin": 1.0},
        "squared distance per pair",
    ),
}
"""Losses by their name in a spec; any other name is that of a function of one's own."""


def loss_defaults(loss: str) -> Mapping[str, Any]:
    """Return the settings that a loss takes, with their defaults; one's own takes none."""
    return LOSSES[loss].defaults if loss in LOSSES else {}


def loss_unit(loss: str) -> str:
    """Return what a loss's numbers are; those of one's own have no unit that labkit knows."""
    return LOSSES[loss].unit if loss in LOSSES else f"as {loss} returns it"


def losses_with(setting: str) -> list[str]:
    """Return the names of the losses that take a setting."""
    return [name for name, loss in LOSSES.items() if setting in loss.defaults]
