"""Who does the course: what is drawn for one learner and for nobody else."""

from hashlib import sha256


def own_seed(learner: str) -> int:
    """Return the seed of a learner, from 0 to 999 999: the same on each machine.

    Args:
        learner: Name or number, as the teacher has it; case and spaces around it do not count.
    """
    digest = sha256(learner.strip().lower().encode()).digest()
    return int.from_bytes(digest[:8], "big") % 1_000_000
