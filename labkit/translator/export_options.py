"""Olive's options of an export, by what they are here."""

TARGETS = {
    "CPUExecutionProvider": "cpu", "CUDAExecutionProvider": "cuda",
    "DmlExecutionProvider": "directml", "QNNExecutionProvider": "qnn",
    "OpenVINOExecutionProvider": "openvino",
    "CoreMLExecutionProvider": "coreml", "WebGpuExecutionProvider": "webgpu",
}  # fmt: skip
"""Target here by ONNX Runtime's execution provider."""

DEVICES = {"cpu": "cpu", "gpu": "cuda", "npu": "qnn"}
"""Target where a command names only the kind of device."""

ALGORITHMS = {"rtn": "k_quant", "kquant": "k_quant", "k_quant": "k_quant", "gptq": "gptq"}
"""Way to int4 here by Olive's name."""

PATHS = ("model_name_or_path", "model", "m", "base_model_path")
ADAPTERS = ("adapter_path", "a")
IGNORED = {
    "use_model_builder": "The model builder is used where it takes the model.",
    "use_dynamo_exporter": "How a model is exported follows from its architecture.",
    "memory": "Memory is measured before the export.",
    "adapter_format": "Adapters are written as .onnx_adapter.",
    "dtype": "An adapter has its base's precision.",
    "implementation": "Quantisation is labkit's own, with its parity ladder.",
    "quantize_weights": "Adapters stay in fp32, so that nothing of what was learned is rounded.",
    "task": "The run knows its task.",
    "exporter": "How a model is exported follows from its architecture.",
    "device": "It follows from the execution provider.",
    "torch_dtype": "A model is read in fp32 before it is rounded.",
    "io_bind": "It is for GPUs.",
    "enable_cuda_graph": "It is for GPUs.",
}  # fmt: skip
"""Options without effect on an export here."""

TUNED = {
    "cpu_cores", "opt_level_list", "execution_mode_list", "trt_fp16_enable",
    "intra_thread_num_list", "inter_thread_num_list", "extra_session_config",
    "disable_force_evaluate_other_eps",
}  # fmt: skip
"""Options that name the session settings to try."""
