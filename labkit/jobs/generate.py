"""The job of answering: prompts through a base model, a tuned one or an ONNX export."""

from pathlib import Path

from .. import data, evaluation, machine, runtime, training
from ..errors import RunError, SpecError
from ..evaluation.kinds import Model, Prompt, Tokenizer
from ..run import Run
from ..spec import FinetuneSpec, GenerateSpec
from .job import Job, load_tokenizer, model_folder


def generate(job: Job) -> str:
    """Answer prompts."""
    spec = job.spec
    assert isinstance(spec, GenerateSpec)
    tuned = _tuned(spec)
    settings = tuned.spec if tuned else FinetuneSpec(model=spec.run)
    assert isinstance(settings, FinetuneSpec)
    folder = model_folder(settings.model, settings.trust_remote_code, job)
    tokenizer = load_tokenizer(folder, settings.trust_remote_code)
    texts = [_prompt(spec, settings if tuned else None, text) for text in spec.prompts]
    ids = [data.prompt_ids(text, tokenizer) for text in texts]
    answers = _answers(spec, tuned, settings, folder, tokenizer, ids)
    for prompt, answer in zip(texts, answers, strict=True):
        job.emit("answer", prompt=prompt, text=answer)
    return "done"


def _tuned(spec: GenerateSpec) -> Run | None:
    """Return the run that answers; None where a base model was named."""
    return Run(spec.run) if (Path(spec.run) / "spec.yaml").is_file() else None


def _prompt(spec: GenerateSpec, settings: FinetuneSpec | None, text: str) -> Prompt:
    """Return the prompt in the form the model was trained on, or as a chat's first turn."""
    if spec.raw:
        return text
    if settings is None:
        return [{"role": "user", "content": text}]
    return data.prompt_text(settings, text)


def _answers(
    spec: GenerateSpec,
    tuned: Run | None,
    settings: FinetuneSpec,
    folder: Path,
    tokenizer: Tokenizer,
    ids: list[list[int]],
) -> list[str]:
    if tuned and spec.source in ("fp32", "int8", "int4"):
        return _onnx_answers(spec, _onnx_folder(tuned, spec.source), tokenizer, ids)
    model: Model
    if not tuned or spec.source != "adapter":
        model = training.load_base(folder, trust_remote_code=settings.trust_remote_code)
    else:
        model = training.load_tuned(folder, tuned.learned, settings)
        if settings.head:
            labels = training.read_labels(tuned.learned)
            return [labels[i] for i in evaluation.head_scores(model, ids).argmax(axis=1)]
    return evaluation.generate(
        model, tokenizer, ids, spec.max_new_tokens, temperature=spec.temperature, seed=spec.seed
    )


def _onnx_answers(
    spec: GenerateSpec, folder: Path, tokenizer: Tokenizer, ids: list[list[int]]
) -> list[str]:
    if spec.temperature:
        raise SpecError(
            f"temperature must be 0 with an ONNX export; got {spec.temperature:g}.",
            hint="Leave it out, or take source: adapter.",
        )
    model = runtime.OnnxModel(folder, threads=machine.processors())
    answers = [model.generate(row, spec.max_new_tokens, [tokenizer.eos_token_id]) for row in ids]
    return [tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]


def _onnx_folder(tuned: Run, precision: str) -> Path:
    folder = tuned.path / "onnx" / precision / "model"
    if folder.is_dir():
        return folder
    raise RunError(
        f"The run {tuned.name!r} has no {precision} export.",
        hint=f"Make it first: %optimize {tuned.name} --precision {precision}.",
    )
