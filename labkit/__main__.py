"""`python -m labkit` is the command `labkit`."""

from .cli import main

main()
