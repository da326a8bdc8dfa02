"""Olive's options of a fine-tuning, and those that it hands on, by what they are here."""

SAME = (
    "method", "text_template", "max_steps", "num_train_epochs", "learning_rate",
    "lr_scheduler_type", "warmup_ratio", "weight_decay", "max_grad_norm", "seed", "eval_steps",
    "save_steps", "save_total_limit", "report_to", "gradient_checkpointing",
    "gradient_accumulation_steps",
    "dataloader_num_workers", "load_best_model_at_end", "lora_alpha", "lora_dropout",
    "trust_remote_code", "eval_split", "r", "init_lora_weights",
)  # fmt: skip
"""Options that have the same name here."""

RENAMED = {
    "lora_r": "r", "alpha": "lora_alpha", "train_split": "split", "max_seq_len": "max_length",
    "max_samples": "limit",
}  # fmt: skip
"""Options that have another name here."""

NOT_NEEDED = {
    "logging_steps": "Every step is recorded, so there is nothing to set.",
    "logging_dir": "TensorBoard's logs lie in the run's folder; %tensorboard shows them.",
    "log_level": "What a run prints is in its log.txt, all of it.",
    "logging_strategy": "Every step is recorded.",
    "eval_strategy": "Validations come by steps, as often as eval_steps says.",
    "evaluation_strategy": "Validations come by steps, as often as eval_steps says.",
    "per_device_eval_batch_size": "Validation batches are cut by their tokens.",
    "use_ort_genai": "An export always holds genai_config.json for onnxruntime-genai.",
    "save_config_file": "A run keeps its settings as spec.yaml, always.",
    "clean": "Nothing of an earlier run is reused in training.",
    "tempdir": "A run writes into its own folder only.",
    "use_chat_template": "Rows with messages are always written by the model's chat template.",
    "group_by_length": "Rows are packed without padding where that is exact.",
    "overwrite_output_dir": "A run never overwrites another.",
    "data_seed": "One seed draws all.",
    "bias": "Biases do not learn.",
    "allow_tf32": "Precision is measured and chosen once, and said.",
    "add_special_tokens": "The model's own beginning and end tokens are put where it expects them.",
    "double_quant": "It is the default of qlora.",
    "train_subset": "The data set has one configuration here.",
    "eval_subset": "The data set has one configuration here.",
    "setup": "Nothing has to be installed for it.",
}
"""Options that ask for what happens anyway, with the reason."""

REMOTE = (
    "workspace",
    "resource_group",
    "aml_compute",
    "subscription_id",
    "keyvault_name",
    "account_name",
    "container_name",
)
"""Options that send the work to a cloud."""

DEFAULTS = {
    "r": ("lora_r 64", "fewer parameters learn the tasks of this course as well"),
    "lora_alpha": ("lora_alpha 16", "it goes with the rank"),
    "learning_rate": ("2e-4, constant", "small models learn faster; the rate falls along a cosine"),
    "batch_size": ("1 row × 16 micro-batches", "packed rows of this size fit into 2 GB"),
    "max_length": ("1024 tokens, rows joined and cut", "a row stays whole and by itself"),
    "gradient_checkpointing": ("true", "small models have the memory; it costs 40 % more time"),
    "precision": ("bfloat16", "on many processors bfloat16 is slower; it is measured"),
    "seed": ("42", "the seed of every run here"),
}  # fmt: skip
"""Settings whose default is another one in Olive: what it is there, and why it differs."""

MASKED = (
    "The loss counts the completion only (what follows the last fixed text of the template); Olive "
    "trains on every token, the prompt too."
)

TASK_NAMES = {
    "text-generation": "auto",
    "text-classification": "classification",
    "summarization": "summarisation",
}
"""Tasks by Hugging Face's names."""
