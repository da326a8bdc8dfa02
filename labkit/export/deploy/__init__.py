"""A folder that can be copied to another machine, run there and checked there."""

from .checksums import FILE as SUMS
from .checksums import seal
from .finish import finish
from .verify import Check, Verification, verify

__all__ = ["SUMS", "Check", "Verification", "finish", "seal", "verify"]
