"""A run as a plain program: PyTorch, Transformers and PEFT, nothing of labkit.

It is put together from the parts in `parts.txt`, so that a reader sees the few lines that the run's
own settings need. `ask` is for the kernel's side; what writes the program loads torch.
"""

from .child import ask

__all__ = ["ask"]
