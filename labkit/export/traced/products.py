"""A PyTorch model whose layers are plain products, so that its trace keeps their names."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Product(nn.Module):
    """`x weight + bias`, the weight stored as ONNX's MatMul reads it.

    Args:
        weight: `(inputs, outputs)`.
        bias: `(outputs,)`.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `(..., outputs)` for `(..., inputs)`."""
        said = torch.matmul(x, self.weight)
        return said if self.bias is None else said + self.bias


class Table(nn.Module):
    """The embedding of a model whose head is the same matrix: it reads the head's.

    Args:
        head: The product with the matrix, `(hidden, vocab)`.
    """

    def __init__(self, head: Product) -> None:
        super().__init__()
        self._head = [head]  # in a list, or it would be a module twice

    @property
    def weight(self) -> torch.Tensor:
        """`(vocab, hidden)`."""
        return self._head[0].weight.t()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return `(batch, n, hidden)` for `(batch, n)` token ids."""
        return functional.embedding(ids, self.weight)


def with_products(model: Any) -> list[str]:  # noqa: ANN401 - a PreTrainedModel
    """Put products in the place of a model's linear layers; return their modules.

    One weight at a time is turned, and the one it was turned from is let go.
    """
    from transformers.pytorch_utils import Conv1D

    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    tied = type(embedding) is nn.Embedding and embedding.weight is head.weight
    linear = [n for n, m in model.named_modules() if isinstance(m, nn.Linear | Conv1D)]
    for name in linear:
        old = model.get_submodule(name)
        weight = old.weight.data if isinstance(old, Conv1D) else old.weight.data.t()
        old.weight = None
        model.set_submodule(name, Product(weight.contiguous(), old.bias))
        if tied and old is head:
            table = name_of(model, embedding)
            embedding.weight = None
            model.set_submodule(table, Table(model.get_submodule(name)))
    return linear


def name_of(model: nn.Module, wanted: nn.Module) -> str:
    """Return the name of a module."""
    name: str = next(name for name, module in model.named_modules() if module is wanted)
    return name
