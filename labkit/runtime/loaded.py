"""An exported model with its tokenizer: what `labkit.load` returns. No torch."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.text_tokenizer import TextTokenizer
from ..errors import ExportError, SpecError, listed, near
from .answering import Stream, Writing
from .classifier import OnnxClassifier
from .folder import graph_bytes, section
from .onnx_model import OnnxModel
from .prompt import Given, PromptForm, prompt_ids
from .sampling import Sampling
from .scoring import label_scores_onnx, log_softmax, with_end


class Loaded:
    """An exported model that answers, scores and embeds, in this process and without torch.

    Several threads may call it at once: each call reads into a cache of its own.

    Args:
        folder: An exported folder: `model.onnx`, tokenizer and `labkit.json`.
        adapter: Adapter to switch on, where the folder holds several.
        threads: Threads per operator; ONNX Runtime's own choice when None.

    Raises:
        ExportError: The folder holds no whole model.
        RunError: It has no such adapter.
    """

    def __init__(
        self, folder: Path, *, adapter: str | None = None, threads: int | None = None
    ) -> None:
        self.folder = Path(folder)
        self.tokenizer = TextTokenizer(self.folder)
        has_head = bool(section(self.folder, "model").get("labels"))
        self.classifier = OnnxClassifier(self.folder, threads=threads) if has_head else None
        whole = self.classifier.model if self.classifier else OnnxModel(folder, threads=threads)
        self.model = whole.using(adapter)
        self.adapter, self.form = adapter, self._form(adapter)

    @property
    def labels(self) -> tuple[str, ...]:
        """What a model with a classification head chooses among; nothing for other models."""
        return self.classifier.labels if self.classifier else ()

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters that can be switched on with `using`."""
        return self.model.adapters

    def using(self, adapter: str | None) -> "Loaded":
        """Return this model with an adapter switched on, or with none; the weights are shared.

        Raises:
            RunError: The model has no adapter of this name.
        """
        view = copy.copy(self)
        view.model = self.model.using(adapter)
        view.adapter, view.form = adapter, self._form(adapter)
        return view

    def generate(self, prompt: Given, **settings: Any) -> str:  # noqa: ANN401 - those of stream
        """Return the answer to a prompt, without the prompt; the settings are those of `stream`."""
        return "".join(self.stream(prompt, **settings))

    def stream(  # noqa: PLR0913 - all but one are by name
        self,
        prompt: Given,
        *,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        stop: str | Sequence[str] = (),
        seed: int = 0,
        raw: bool = False,
    ) -> Stream:
        """Return the answer to a prompt in pieces, as they are found.

        Args:
            prompt: A text, put into the form the model was trained on; column → text where that
                form has several places; or a chat's turns, `[{"role": "user", "content": …}]`.
            max_new_tokens: Longest answer, tokens; the model's end token ends earlier.
            temperature: 0 takes the likeliest token each time; above, tokens are drawn.
            top_k: Draw among this many of the likeliest tokens only.
            top_p: Draw among the likeliest tokens that together have this probability.
            stop: Texts that end the answer; they are not part of it.
            seed: Seed of the drawing.
            raw: Use a text as it stands.

        Raises:
            SpecError: A setting is beyond its rule.
            DataError: The prompt is empty, too long, or does not fit the form.
            ExportError: The model has a classification head.
        """
        if self.labels:
            hint = "Use score(prompt): the probability of each label."
            raise ExportError(f"The model in {self.folder} writes no text, only labels.", hint)
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        how = Writing(max_new_tokens, stops, Sampling(temperature, top_k, top_p, seed))
        return Stream(self.model, self.tokenizer, self.prompt_ids(prompt, raw=raw), how)

    def prompt_ids(self, prompt: Given, *, raw: bool = False) -> list[int]:
        """Return the token ids the model reads for a prompt, `(n,)`."""
        return prompt_ids(self.form.filled(prompt, raw=raw), self.tokenizer)

    def score(
        self, prompt: Given, labels: Sequence[str] | None = None, *, raw: bool = False
    ) -> dict[str, float]:
        """Return the probability of each label to be the answer to a prompt, the likeliest first.

        Args:
            prompt: As for `stream`.
            labels: What may be answered; left out: the labels of a model with a head.
            raw: Use a text as it stands.
        """
        known = self._known(labels)
        scores = log_softmax(self._scores(prompt, known, raw))
        chances = {label: float(np.exp(score)) for label, score in zip(known, scores, strict=True)}
        return dict(sorted(chances.items(), key=lambda one: -one[1]))

    def embed(self, texts: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Return `(n, hidden)` float32: each text's mean last hidden state, of length 1.

        Raises:
            ExportError: The graph does not give its hidden states.
        """
        listed = [texts] if isinstance(texts, str) else list(texts)
        states = (self.model.hidden_states(prompt_ids(one, self.tokenizer)) for one in listed)
        means = np.array([of_tokens.mean(axis=0) for of_tokens in states])
        found: npt.NDArray[np.float32] = means / np.linalg.norm(means, axis=-1, keepdims=True)
        return found

    def _known(self, labels: Sequence[str] | None) -> list[str]:
        """Return the labels to choose among: those given, else those of a head."""
        for label in (labels or ()) if self.labels else ():
            if label not in self.labels:
                hint = near(label, self.labels, f"The model knows {listed(self.labels, 'and')}.")
                raise SpecError(f"{label!r} is none of the model's labels.", hint)
        if not (known := list(dict.fromkeys(labels or self.labels))):
            hint = 'For example: score("a lovely day", ["joy", "anger"]).'
            raise SpecError("score needs the labels to choose among; got none.", hint)
        return known

    def _scores(self, prompt: Given, labels: list[str], raw: bool) -> npt.NDArray[np.float64]:
        """Return `(labels,)` log-likelihoods in nats."""
        ids = self.prompt_ids(prompt, raw=raw)
        if self.classifier is not None:
            places = [self.labels.index(label) for label in labels]
            return np.take(self.classifier.scores([ids])[0], places)
        written = [self.form.completion(prompt, label, raw=raw) for label in labels]
        tokens = with_end([self.tokenizer.encode(text) for text in written], self.tokenizer.eos_id)
        return np.ravel(label_scores_onnx(self.model, [ids], tokens))

    def _form(self, adapter: str | None) -> PromptForm:
        """Return how the model, or the one that an adapter makes of it, wants to be asked."""
        own = section(self.folder, "adapters").get(adapter, {}) if adapter else {}
        found = own.get("prompt") or section(self.folder, "prompt")
        return PromptForm.of(found or {"form": "chat"}).fitting(self.tokenizer.chat_template)

    def __repr__(self) -> str:
        size = graph_bytes(self.folder) / 1e6
        adapters = f", adapters {', '.join(self.adapters)}" if self.adapters else ""
        active = f", {self.adapter} switched on" if self.adapter else ""
        return f"<Loaded {self.folder}: {size:.0f} MB{adapters}{active}>"
