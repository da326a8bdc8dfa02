# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Types of fine-tuning
#
# A model can learn with all its weights, with a small addition beside frozen weights, or with frozen weights kept in four
# bits. You will work out what each costs, train three of them on the same rows with the same number of steps, and compare
# parameters, memory, time, quality and file size.
#
# **You will be able to** work out the memory of full fine-tuning, LoRA and QLoRA on paper · choose a method for a machine ·
# say what each of the four kinds of task is and how it is measured.
#
# **Before:** lab 00. **Difficulty** ●●○ · **importance** ●●● · **measured** on two cores without a GPU: {{minutes}} minutes,
# {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 3.1`, `%lab solution 3.1`, `%lab skip 3.1`.

# %%
# %load_ext labkit

# %%
import labkit
from labkit.course import check, predict, scored

# %% [markdown]
# ### Full fine-tuning: every weight learns
# AdamW, the usual optimizer, keeps for each learning weight its gradient and two running means (of the gradient and of its
# square). In float32 each of the four takes four bytes.
#
# **Exercise 3.1.** *How much memory before the first activation?* For the 134 515 008 weights of our model work out
# `full_gb`: weights, gradients and both means, in GB (10⁹ bytes).

# %%
full_gb = None
### BEGIN SOLUTION
full_gb = 134_515_008 * 4 * 4 / 1e9
### END SOLUTION

# %%
check("3.1", full_gb)

# %% [markdown]
# That is more than the 2 GB of a Binder machine, and the program and the activations come on top. labkit says so before it
# costs you anything. Suppose 1 GB is left: the run is refused before the model is loaded, and the message says what it would
# need. With a budget that something near the settings fits into, labkit takes that and says what it changed.

# %% tags=["raises-exception", "nbval-ignore-output"]
# %%finetune toobig --budget 1GB
data: phrases
method: full
gradient_checkpointing: true
gradient_accumulation_steps: 8
max_length: 64

# %% [markdown]
# ### LoRA: a correction of low rank
# LoRA (Hu et al., 2021) freezes a weight `W` of shape `(d_out, d_in)` and learns `B·A` beside it, `A` of shape `(r, d_in)` and
# `B` of shape `(d_out, r)`. `B` starts at zero, so the first step begins from the model as it is.
#
# **Exercise 3.2.** *How many parameters learn with `r = 8` on `q` and `v` alone?* The model has 30 layers; `q` maps 576 →
# 576, `v` maps 576 → 192. Work out `lora_parameters`.

# %%
lora_parameters = None
### BEGIN SOLUTION
lora_parameters = 30 * (8 * (576 + 576) + 8 * (576 + 192))
### END SOLUTION

# %%
check("3.2", lora_parameters)

# %% [markdown]
# ### QLoRA: the frozen weights in four bits
# QLoRA (Dettmers et al., 2023) keeps the frozen weights as NF4 codes of 4 bits, in blocks of 64 weights with one float32
# scale a block, and unpacks a layer while it is used.
#
# **Exercise 3.3.** *How many bits does a weight really take?* Count the scale, too: `bits_per_weight` (without the second
# quantisation of the scales).

# %%
bits_per_weight = None
### BEGIN SOLUTION
bits_per_weight = 4 + 32 / 64
### END SOLUTION

# %%
check("3.3", bits_per_weight)

# %% [markdown]
# ### Predict, then run three on the same rows
# LoRA on all linear layers, QLoRA, and bottleneck adapters (Houlsby et al., 2019). Forty steps each, the same rows in the same
# order. (Full fine-tuning needs a machine with 4 GB; `make bench-methods` measures it there.) Which share of the 120 test
# phrases will each get right? The base model gets 0.45.

# %%
guess_lora, guess_qlora = None, None
### BEGIN SOLUTION
guess_lora, guess_qlora = 0.85, 0.8
### END SOLUTION

# %%
predict("3", lora=guess_lora, qlora=guess_qlora)

# %%
same = {"data": "phrases", "max_steps": 40, "n_samples": 0, "eval_steps": 20, "seed": 0}

# %% tags=["nbval-ignore-output"]
lora = labkit.finetune(name="lora", method="lora", **same)

# %% tags=["nbval-ignore-output"]
qlora = labkit.finetune(name="qlora", method="qlora", **same)

# %% tags=["nbval-ignore-output"]
bottleneck = labkit.finetune(name="bottleneck", method="adapter", **same)

# %% [markdown]
# ### Side by side
# `training` and `adapter` in a run's metrics have what was measured.

# %% tags=["nbval-ignore-output"]
runs = [lora, qlora, bottleneck]
print(f"{'run':11} {'learn':>10} {'seconds':>8} {'peak MB':>8} {'accuracy':>9}")
for run in runs:
    training, found = run.metrics["training"], run.metrics["tuned"]
    learn = run.metrics["adapter"]["trainable"]
    print(f"{run.name:11} {learn:>10,} {training['seconds']:>8.0f} {training['peak_bytes'] / 1e6:>8.0f} "
          f"{found['accuracy']:>9.2f}")

# %%
print("each beats the base model:", all(
    run.metrics["tuned"]["accuracy"] > run.metrics["base"]["accuracy"] for run in runs))
print("LoRA trains less than a twentieth of the weights:",
      lora.metrics["adapter"]["trainable"] < 134_515_008 / 20)

# %% tags=["nbval-ignore-output"]
scored("3", lora=lora.metrics["tuned"]["accuracy"], qlora=qlora.metrics["tuned"]["accuracy"])

# %% [markdown]
# **Exercise 3.4.** *Is LoRA better than QLoRA here?* Both were asked about the same phrases, so compare their intervals:
# `lora.metrics["tuned"]["interval"]` and that of `qlora`. Put `"better"`, `"worse"` or `"not shown"` into `verdict`: not shown
# where the intervals overlap.

# %%
verdict = None
### BEGIN SOLUTION
first, second = lora.metrics["tuned"]["interval"], qlora.metrics["tuned"]["interval"]
verdict = "better" if first[0] > second[1] else "worse" if first[1] < second[0] else "not shown"
### END SOLUTION

# %%
check("3.4", verdict)

# %% [markdown]
# ### What is saved?
# **Exercise 3.5.** *How large is the file?* LoRA saved `lora.adapter / "adapter_model.safetensors"`. Find `share`: its size in
# bytes as a share of the 538 060 032 bytes of the model's weights.

# %%
share = None
### BEGIN SOLUTION
share = (lora.adapter / "adapter_model.safetensors").stat().st_size / 538_060_032
### END SOLUTION

# %%
check("3.5", share)

# %% [markdown]
# ### Four kinds of task
# The same methods learn four kinds of task. What differs is the completion, and how an answer is judged.

# %%
for name in ("phrases", "glossary", "slots", "summaries"):
    rows = labkit.load_data(name)
    print(f"{rows.task:14} {rows.train[0].completion.strip()[:70]}")

# %% [markdown]
# **Exercise 3.6.** *Which metric for which task?* Map each of the tasks `classification`, `extraction`, `summarisation` to the
# metric that fits: `rougeL` (how much of a reference's wording comes back in order), `accuracy` (share of right labels),
# `field_f1` (right fields, of those asked for and those given).

# %%
metric_of = None
### BEGIN SOLUTION
metric_of = {"classification": "accuracy", "extraction": "field_f1", "summarisation": "rougeL"}
### END SOLUTION

# %%
check("3.6", metric_of)

# %% [markdown]
# ### What you have seen
# - Full fine-tuning of 135 million weights needs 2.2 GB before the first activation. LoRA trains 3.6 % of them.
# - QLoRA keeps a frozen weight in 4.5 bits. It saves memory, not time: each use unpacks the weights.
# - After forty steps on these rows the larger number alone does not say which method is better; that is what an interval is
#   for. The module's claim that LoRA comes near full fine-tuning was not measured here: `make bench-methods` does.
#
# **Try next:** `method: dora`, `method: ia3`, `r: 2` · `%plan` with a larger model of your own.
