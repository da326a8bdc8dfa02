# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4. Fine-tuning with Microsoft Olive
#
# Olive is Microsoft's tool for fine-tuning and optimising models. The course text teaches with its commands; they were written for
# an older Olive, for models behind a login and for a GPU. Here you paste them as they stand: labkit carries them out with its own
# trainer and exporter, on this machine, and says at each step what it translated, so that you can read the commands of any Olive tutorial.
#
# **You will be able to** read an `olive` command and say what each option does · run fine-tune → optimise → use from notebook cells ·
# tell an execution provider from a device · say what differs between Olive and labkit.
#
# **Before:** labs 00 and 03. **Difficulty** ●●○ · **importance** ●●● · **measured** on two cores without a GPU: {{minutes}}
# minutes, {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 4.1`, `%lab solution 4.1`, `%lab skip 4.1`.

# %%
# %load_ext labkit

# %%
from pathlib import Path

import labkit
from labkit.course import check, predict, scored

# %% [markdown]
# ## Installing
# The text begins with installing Olive. Paste the lines: those of other programs are explained, and none of them is run.

# %% tags=["nbval-ignore-output"]
# %%olive
# Create a virtual environment
python -m venv olive-env
pip install olive-ai[auto-opt]
pip install transformers onnxruntime-genai
olive --help

# %% [markdown]
# ## A command, read before it is run
# `--explain` translates and runs nothing. The model of the text is behind a login, and its data set is not there any more: name
# stand-ins. Nothing is taken for another thing unless you say so.

# %% tags=["nbval-ignore-output"]
explained = labkit.explain_olive(
    "olive finetune --model_name_or_path meta-llama/Llama-3.2-1B-Instruct --trust_remote_code "
    "--output_path models/llama/ft --data_name xxyyzzz/phrase_classification "
    '--text_template "### Phrase: {phrase}\\n### Tone: {tone}" --method lora --max_steps 100 '
    "--lora_r 16 --per_device_train_batch_size 4 --gradient_accumulation_steps 4 --log_level 1",
    map={"meta-llama/Llama-3.2-1B-Instruct": "smollm2-135m", "xxyyzzz/phrase_classification": "phrases"})
explained

# %% [markdown]
# **Exercise 4.1.** *What stands in the spec?* Find in the explanation how labkit writes these options: give `settings`, a
# dictionary with the keys `lora_r`, `max_steps` and `batch` (rows for each optimizer step), and the values that the run will have.

# %%
settings = None
### BEGIN SOLUTION
settings = {"lora_r": 16, "max_steps": 100, "batch": 4 * 4}
### END SOLUTION

# %%
check("4.1", settings)

# %% [markdown]
# **Exercise 4.2.** *Which difference matters most?* The explanation says what is different from Olive. Olive trains on every token
# of a row. Put the letter into `difference`: **a** labkit's loss counts the completion only, so that the model learns the
# answer and not the wording of the question · **b** labkit trains on the prompt only · **c** there is no difference; both count every token.

# %%
difference = None
### BEGIN SOLUTION
difference = "a"
### END SOLUTION

# %%
check("4.2", difference)

# %% [markdown]
# ## Step 1: fine-tune
# The stand-ins can be kept in a file, so that the text's commands need no `--map`.

# %%
_ = Path("pyproject.toml").write_text('''[tool.labkit.olive.map]
"meta-llama/Llama-3.2-1B-Instruct" = "smollm2-135m"
"xxyyzzz/phrase_classification" = "phrases"
''', encoding="utf-8")

# %% [markdown]
# Forty steps in place of the text's hundred. What share of the test phrases will it get right?

# %%
guess = None
### BEGIN SOLUTION
guess = 0.8
### END SOLUTION

# %%
predict("4", accuracy=guess)

# %% tags=["nbval-ignore-output"]
# %%olive
# Basic fine-tuning command
olive finetune \
  --model_name_or_path meta-llama/Llama-3.2-1B-Instruct \
  --trust_remote_code \
  --output_path models/llama/ft \
  --data_name xxyyzzz/phrase_classification \
  --text_template "<|start_header_id|>user<|end_header_id|>\n{phrase}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n{tone}" \
  --method lora \
  --max_steps 40 \
  --log_level 1

# %%
tuned = labkit.Run("models-llama-ft")
print("the adapter is where Olive would put it:", Path("models/llama/ft/adapter/adapter_model.safetensors").is_file())
print("better than its base model:", tuned.metrics["tuned"]["accuracy"] > tuned.metrics["base"]["accuracy"])

# %% tags=["nbval-ignore-output"]
scored("4", accuracy=tuned.metrics["tuned"]["accuracy"])

# %% [markdown]
# The template has marks of Llama 3, which SmolLM2 does not know: `<|eot_id|>` is one token to the one and seven to the other. It
# learns all the same, as any fixed text will do, but rows get longer.
#
# **Exercise 4.3.** *How many characters of each row carry no loss?* Count the fixed characters that the template puts before `{tone}`, without
# the phrase itself (`\n` is one character): `fixed`.

# %%
fixed = None
### BEGIN SOLUTION
template = ("<|start_header_id|>user<|end_header_id|>\n{phrase}<|eot_id|><|start_header_id|>assistant"
            "<|end_header_id|>\n{tone}")
fixed = len(template.removesuffix("{tone}").replace("{phrase}", ""))
### END SOLUTION

# %%
check("4.3", fixed)

# %% [markdown]
# ## Step 2: optimise
# `auto-opt` writes ONNX for a device and an execution provider: the part of ONNX Runtime that computes on that device.

# %% tags=["nbval-ignore-output"]
import sys

# !{sys.executable} -m labkit targets

# %% [markdown]
# **Exercise 4.4.** *Which provider for which device?* Map `"cpu"`, `"nvidia gpu"` and `"any gpu on windows"` to
# `CPUExecutionProvider`, `CUDAExecutionProvider` and `DmlExecutionProvider` (DirectML): `providers`.

# %%
providers = None
### BEGIN SOLUTION
providers = {"cpu": "CPUExecutionProvider", "nvidia gpu": "CUDAExecutionProvider", "any gpu on windows": "DmlExecutionProvider"}
### END SOLUTION

# %%
check("4.4", providers)

# %% tags=["nbval-ignore-output"]
# %%olive
olive auto-opt \
  --model_name_or_path models/llama/ft/model \
  --adapter_path models/llama/ft/adapter \
  --device cpu \
  --provider CPUExecutionProvider \
  --use_ort_genai \
  --precision int8 \
  --output_path models/llama/onnx \
  --log_level 1

# %%
written = sorted(path.name for path in Path("models/llama/onnx/model").iterdir())
print("a model and its tokenizer:", any(name.endswith(".onnx") for name in written), "tokenizer.json" in written)

# %% [markdown]
# A device that this machine does not have is refused in a sentence that names the package which brings it.

# %% tags=["raises-exception", "nbval-ignore-output"]
# %olive auto-opt --model_name_or_path models/llama/ft/model --adapter_path models/llama/ft/adapter --device npu --provider QNNExecutionProvider --output_path models/llama/npu

# %% [markdown]
# **Exercise 4.5.** *How much smaller?* `rungs["fp32"]["size_bytes"]` and `rungs["int8"]["size_bytes"]` are the sizes of the
# exported models. Work out `smaller`: the first over the second.

# %%
rungs = labkit.Run("models-llama-ft/onnx").metrics["rungs"]
smaller = None
### BEGIN SOLUTION
smaller = rungs["fp32"]["size_bytes"] / rungs["int8"]["size_bytes"]
### END SOLUTION

# %%
check("4.5", smaller)

# %% [markdown]
# ## Step 3: use
# The model answers with ONNX Runtime, in this notebook's own process, without PyTorch.

# %% tags=["nbval-ignore-output"]
model = labkit.load("models-llama-ft")
model.score("The lift is stuck again and nobody answers!", tuned.metrics["labels"])

# %% [markdown]
# ## A configuration in place of options
# What the commands say can stand in a file. This one has the old form of the text; a dry look says what today's labkit makes of it.

# %%
_ = Path("olive-config.yaml").write_text('''model:
  type: PyTorchModel
  config:
    model_path: meta-llama/Llama-3.2-1B-Instruct
data_configs:
  - name: tones
    load_dataset_config: {data_name: xxyyzzz/phrase_classification}
passes:
  lora:
    type: LoRA
    config: {r: 8, lora_alpha: 16, learning_rate: 1e-4}
''', encoding="utf-8")

# %% tags=["nbval-ignore-output"]
# %olive run --config olive-config.yaml --explain

# %% [markdown]
# ### The other way round
# `labkit olive export RUN` in a shell, or a function here, writes a configuration for Microsoft's own Olive, for those who go on with it.

# %% tags=["nbval-ignore-output"]
print(labkit.olive_export("models-llama-ft").name)

# %% [markdown]
# ### What you have seen
# - One tool's whole way: fine-tune, optimise, use, with the text's own commands and two stand-ins that you named.
# - Olive reads and writes PyTorch, Hugging Face and ONNX; so does labkit. Models of the Llama, Phi, Qwen and Gemma families have
#   the same commands; here a Llama architecture of 135 million parameters stood in.
# - What was not shown: a GPU, an NPU and Azure ML. `labkit job azureml RUN` writes the job for a cloud; this machine cannot run it.
#
# **Try next:** `%%olive` with a command of your own · `%olive quantize … --precision int4` · lab 07 for several adapters and the search.
