"""What stands in a configuration of Olive: its passes and its keys, by what they are here."""

LEARNING = ("lora", "qlora", "dora", "rslora")
"""Types of passes that train; the method has the same name here."""

EXPORTS = {
    "modelbuilder": {}, "onnxconversion": {}, "ortransformersoptimization": {},
    "orttransformersoptimization": {}, "orttransformeroptimization": {}, "extractadapters": {},
    "onnxquantization": {"precision": "int8"}, "onnxdynamicquantization": {"precision": "int8"},
    "onnxmatmul4quantizer": {"precision": "int4"},
    "onnxblockwisertnquantization": {"precision": "int4"},
    "gptq": {"precision": "int4", "algorithm": "gptq"},
    "rtn": {"precision": "int4", "algorithm": "rtn"},
    "ortperftuning": {}, "ortsessionparamstuning": {},
}  # fmt: skip
"""Passes of an export, by type, with the options that each stands for."""

PASSES = (
    "LoRA", "QLoRA", "DoRA", "ModelBuilder", "OnnxConversion", "OnnxQuantization",
    "OnnxDynamicQuantization", "GPTQ", "Rtn", "ExtractAdapters",
)  # fmt: skip
"""Passes as Olive writes them, for the hint of an error."""

AROUND = {
    "workflow_id": "A run's name is its folder's.",
    "cache_dir": "Downloads are kept once for all runs.",
    "clean_cache": "Nothing of an earlier run is reused in training.",
    "log_severity_level": "What a run prints is in its log.txt, all of it.",
    "host": "It is this machine.",
    "evaluators": "Base and tuned model are measured on held-out rows in every run.",
    "evaluator": "Base and tuned model are measured on held-out rows in every run.",
    "no_artifacts": "A run always keeps its record.",
    "evaluate_input_model": "The base model is always measured.",
    "engine": "Its settings are read as if they stood outside it.",
    "auto_optimizer_config": "How a model is exported follows from its architecture.",
    "pass_flows": "Passes are taken in their order.",
}
"""Keys of a configuration that ask for nothing here, with the reason."""

FOUND = {"attn_implementation", "io_config", "dummy_inputs_func", "model_attributes"}
"""What a configuration may say of a model that is found from its files."""

SEARCHABLE = {
    "r": [16, 32, 64],
    "lora_alpha": [16, 32, 64],
    "learning_rate": {"low": 5e-5, "high": 2e-3, "log": True},
}
"""What `SEARCHABLE_VALUES` stands for, by setting."""

WORDS = ("SEARCHABLE_VALUES", "DEFAULT_SEARCH")

READ = (
    "input_model", "model", "data_configs", "passes", "systems", "target", "training_config",
    "output_dir", "search_strategy", "search_space",
)  # fmt: skip
"""Keys of a configuration that are read."""

STRATEGY = {
    "type": "sampler", "sampler": "sampler", "num_trials": "n_trials", "max_samples": "n_trials",
    "seed": "seed",
}  # fmt: skip
"""Settings of a search here, by what Olive and the course's text call them."""

UNUSED_STRATEGY = ("execution_order", "stop_when_goals_met", "max_iter", "output_model_num")
"""What a search strategy may say beside them, without effect here."""
