"""Read an ONNX graph without its weights, and write one tensor by tensor.

Weights stay in the data file and are looked at through a memory map, so that rewriting a graph
needs memory for its largest tensor, not for the model.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

GRAPH = "model.onnx"
DATA = "model.onnx.data"
ALIGNMENT = 64  # bytes; a tensor that starts on a cache line can be mapped instead of copied
INLINE = 1024  # bytes; shapes must stay in the graph, where ONNX Runtime reads them early


class Weights:
    """The stored tensors of a graph by name.

    Args:
        folder: Holds `model.onnx` and its data file.
        graph: The graph, loaded without external data.
    """

    def __init__(self, folder: Path, graph: Any) -> None:  # noqa: ANN401 - protobuf
        self._folder = folder
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}

    @property
    def names(self) -> list[str]:
        """All tensors, in the order of the graph."""
        return list(self._tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def read(self, name: str) -> npt.NDArray[Any]:
        """Return a tensor as an array, mapped from the file where it lies outside the graph."""
        from onnx import helper, numpy_helper

        tensor = self._tensors[name]
        if not tensor.external_data:
            return numpy_helper.to_array(tensor)
        place = {entry.key: entry.value for entry in tensor.external_data}
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        offset, path = int(place.get("offset", 0)), self._folder / place["location"]
        return np.memmap(path, dtype, "r", offset=offset, shape=tuple(tensor.dims))


class Writer:
    """Collects the tensors of a new graph; each goes to the data file at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tensors: list[Any] = []

    def add(self, name: str, *parts: npt.NDArray[Any]) -> None:
        """Append a tensor, given whole or in parts along its first axis."""
        from onnx import TensorProto, helper, numpy_helper

        if sum(part.nbytes for part in parts) < INLINE:
            whole = np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])
            self.tensors.append(numpy_helper.from_array(whole, name))
            return
        self._file.write(b"\0" * (-self._file.tell() % ALIGNMENT))
        start = self._file.tell()
        for part in parts:
            self._file.write(np.ascontiguousarray(part).data)
        shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
        tensor = TensorProto(name=name, dims=shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(parts[0].dtype)
        for key, value in (("location", DATA), ("offset", start), ("length", self._length(start))):
            tensor.external_data.add(key=key, value=str(value))
        self.tensors.append(tensor)

    def _length(self, start: int) -> int:
        return self._file.tell() - start


def load_graph(folder: Path) -> Any:  # noqa: ANN401 - onnx.ModelProto
    """Return the model of a folder without its weights."""
    import onnx

    return onnx.load(folder / GRAPH, load_external_data=False)


@contextmanager
def rewrite(model: Any, out: Path) -> Iterator[Writer]:  # noqa: ANN401 - onnx.ModelProto
    """Save `model` to `out` with the tensors that the block adds, in place of the ones it had."""
    import onnx

    with (out / f"{DATA}.part").open("wb") as file:
        writer = Writer(file)
        yield writer
    del model.graph.initializer[:]
    model.graph.initializer.extend(writer.tensors)
    onnx.save(model, out / f"{GRAPH}.part")
    (out / f"{DATA}.part").replace(out / DATA)
    (out / f"{GRAPH}.part").replace(out / GRAPH)


def set_nodes(graph: Any, nodes: Iterable[Any]) -> None:  # noqa: ANN401 - protobuf
    """Give a graph these nodes, in this order, in place of the ones it had."""
    kept = list(nodes)  # some may be the graph's own
    del graph.node[:]
    graph.node.extend(kept)


def copy_rest(folder: Path, out: Path) -> None:
    """Copy everything beside the model: tokenizer, chat template, genai_config.json."""
    for path in sorted(folder.iterdir()):
        if path.name not in (GRAPH, DATA):
            shutil.copy2(path, out / path.name)


def node_named(graph: Any, name: str) -> Any:  # noqa: ANN401 - protobuf
    """Return the node with this name, or None."""
    return next((node for node in graph.node if node.name == name), None)
