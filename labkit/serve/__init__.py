"""A server that speaks OpenAI's API, answering with one exported model. Loads no torch."""

from .start import run

__all__ = ["run"]
