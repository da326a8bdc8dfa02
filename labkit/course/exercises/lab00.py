"""Exercises of lab 00: set-up."""

from ...run import Run
from ..exercise import About, choice, number

PARAMETERS = 134_515_008


def _peak() -> float:
    """Return the most memory that the run `first` took, in bytes."""
    return max(float(event["bytes"]) for event in Run("first").of("resources"))


def _last() -> float:
    return float(Run("first").of("resources")[-1]["bytes"])


EXERCISES = (
    number(
        About(
            "0.1",
            "How large are the weights?",
            "megabytes",
            (
                "Parameters times the bytes of each.",
                "float32 has 32 bits, and a byte has eight of them: four bytes.",
                "134 515 008 · 4 bytes, divided by 10⁶.",
            ),
            "538 MB, before anything learns.",
        ),
        PARAMETERS * 4 / 1e6,
        {
            PARAMETERS * 2 / 1e6: "That is two bytes a number: float16. float32 has four.",
            PARAMETERS * 32 / 1e6: "That is megabits: 32 bits are four bytes.",
            PARAMETERS * 4: "Right, in bytes. A megabyte is 10⁶ of them.",
            PARAMETERS * 4 / 2**20: "That is in MiB (2²⁰ bytes). One MB is 10⁶ bytes here.",
        },
        "Multiply the parameters by four bytes, and divide by a million.",
        within=0.005,
    ),
    number(
        About(
            "0.2",
            "How many steps are two epochs?",
            "steps",
            (
                "One epoch: how many batches of 8 does it take to see 510 rows?",
                "63 full batches are 504 rows; six rows are left for one more batch.",
            ),
            "64 batches an epoch, the last one with six rows.",
        ),
        128,
        {
            127.5: "There is no half step: the last batch of an epoch is smaller, and still a step.",
            127: "Round up in each epoch: the six rows that are left make a step of their own.",
            126: "The last six rows of each epoch are learned from, too.",
            64: "That is one epoch; the run makes two.",
            1020: "That is rows; eight of them make a step.",
        },
        "Divide the rows by the batch size, round up, and take it twice.",
    ),
    number(
        About(
            "0.3",
            "Where is the memory highest?",
            "peak_gb",
            (
                'Each event is a mapping: event["bytes"].',
                'max(event["bytes"] for event in …), then divide by 1e9.',
            ),
            "This is what the limit of a container counts, not the size of the weights alone.",
        ),
        lambda: _peak() / 1e9,
        {
            _peak: "Right, in bytes. A GB is 10⁹ of them.",
            lambda: _peak() / 2**30: "That is in GiB (2³⁰ bytes). One GB is 10⁹ bytes here.",
            lambda: _last() / 1e9: "That is the last measurement. Find the largest.",
        },
        "It is none of the run's measurements in GB; take the largest of them.",
        within=0.001,
    ),
    choice(
        About(
            "0.4",
            "What becomes of a run when the kernel restarts?",
            "fate",
            (
                "Which process trains: the kernel, or another one?",
                "Where does the record of a run lie: in the kernel's memory, or on disk?",
            ),
            "The worker does not know of the kernel; %runs NAME reads the record and follows it.",
        ),
        "b",
        {
            "a": "Variables are lost, the run is not: it is a process of its own, its record a folder.",
            "c": "That is what ■ does. A restart ends the kernel, and the kernel does not train.",
        },
    ),
)
