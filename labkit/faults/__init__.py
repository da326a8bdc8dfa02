"""One real fault in a run, put in on purpose for labs: what is wrong has to be found out.

A run with a fault carries a marker that does not say which one it is. Reports say that there is
one; a diagnosis never reads the marker.
"""

from .every import FAULTS
from .fault import Fault
from .marker import FILE, chosen, guess, is_marked, mark, of

__all__ = ["FAULTS", "FILE", "Fault", "chosen", "guess", "is_marked", "mark", "of"]
