# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. Practical examples
# ## Example 1: what tone does a phrase have?
#
# A shop wants to know how its customers sound: *joy, sadness, anger, fear, surprise* or *neutral*. You will
# teach a model of 135 million parameters to tell, prove with numbers that it learned, and turn it into an ONNX
# model a quarter of the size that answers on a plain processor.
#
# **You will be able to** fine-tune a small language model from one notebook cell · say with a number and its
# interval what it learned · read a confusion picture · export it to ONNX and check that nothing was lost.
#
# **Before:** lab 03 (what LoRA is) helps, but is not needed. **Difficulty** ●●○ · **importance** ●●● ·
# **measured** on two cores without a GPU: {{minutes}} minutes, {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 5.1` hints, `%lab solution 5.1` shows, `%lab skip 5.1` fills in the right answer so
# that you can go on. `%finetune?` lists every setting. A mistake costs nothing: it is answered at once, and a stopped
# run (■) goes on with `%finetune --resume NAME`.

# %%
# %load_ext labkit

# %% [markdown]
# ### The data
# 720 phrases, written for this course, come with the package. `labkit.load_data` gives the rows as a model will
# see them: a **prompt**, and a **completion** that the model must learn. No phrase of one split begins like a
# phrase of another, so the test rows are really new to the model.

# %%
import labkit
from labkit.course import check, predict, scored

rows = labkit.load_data("phrases")
print(rows.train[0].prompt + "⟶" + rows.train[0].completion)

# %% [markdown]
# Look at one phrase of each tone before you go on. Would you have labelled them the same way?

# %%
by_tone = {row.label: row.prompt.splitlines()[1] for row in rows.validation}
for tone, phrase in sorted(by_tone.items()):
    print(f"{tone:9} {phrase}")

# %% [markdown]
# **Exercise 5.1.** *Is the data balanced?* A model that always says "joy" would be right in one case of six only
# if every tone were equally frequent. Count the tones of the training rows: `counts` must map each tone to its
# number of rows.

# %%
from collections import Counter

counts = None
### BEGIN SOLUTION
counts = Counter(row.label for row in rows.train)
### END SOLUTION

# %%
check("5.1", counts)

# %% [markdown]
# ### Predict before you run
# LoRA leaves a layer's weight `W` of shape `(d_out, d_in)` as it is, and learns a correction `B·A` of rank `r`
# beside it: `A` is `(r, d_in)`, `B` is `(d_out, r)`.
#
# **Exercise 5.2.** *How many parameters will learn?* The model has 30 layers with seven linear maps each:
# `q` and `o` 576 → 576, `k` and `v` 576 → 192, `gate` and `up` 576 → 1536, `down` 1536 → 576. Work out
# `trainable` for `r = 16`.

# %%
trainable = None
### BEGIN SOLUTION
maps = [(576, 576), (576, 192), (576, 192), (576, 576), (576, 1536), (576, 1536), (1536, 576)]
trainable = 30 * sum(16 * (d_in + d_out) for d_in, d_out in maps)
### END SOLUTION

# %%
check("5.2", trainable)

# %% [markdown]
# And what do you expect of the result? Put the share of the 120 test phrases (0 to 1) that you think each model
# gets right in place of `None`. Guessing blindly gives 1/6 ≈ 0.17. A cell after the run scores your guess, and
# `%lab calibration` draws all your guesses of the course.

# %%
guess_base, guess_tuned = None, None
### BEGIN SOLUTION
guess_base, guess_tuned = 0.4, 0.8
### END SOLUTION

# %%
predict("5", base=guess_base, tuned=guess_tuned)

# %% [markdown]
# ### A dry run: look before it costs you
# The template is the module's own form: `{phrase}` and `{tone}` are columns, and what follows the last fixed text
# (`### Tone:`) is the completion. Everything before it is prompt, and carries no loss.

# %% tags=["nbval-ignore-output"]
# %%finetune --dry-run
model: smollm2-135m
data: phrases
text_template: "### Phrase: {phrase}\n### Tone: {tone}"

# %% [markdown]
# The data set brings a better template: it begins with a question that names the six tones, so that even the base
# model knows what is asked. We keep that one; leave `text_template` out.
#
# ### Fine-tune
# The cell below starts a worker process. The notebook stays usable, and nothing that happens to the worker can
# harm it. Watch the two curves: the training loss is noisy because each point is eight phrases; the validation
# loss is what counts.

# %% tags=["nbval-ignore-output"]
# %%finetune tone
model: smollm2-135m
data: phrases
method: lora
r: 16
learning_rate: 5e-4
num_train_epochs: 2
seed: 0

# %% [markdown]
# ### What did it learn?
# The numbers come with `n`, the number of phrases, and an interval: with 120 phrases an accuracy can be off by
# several points through luck alone. Base and tuned model were asked about the same phrases, in the same way.

# %%
base, tuned = tone.metrics["base"], tone.metrics["tuned"]
print("phrases:", tuned["n"])
print("base model better than guessing (1/6):", base["accuracy"] > 1 / 6)
print("tuned accuracy at least 0.70:", tuned["accuracy"] >= 0.70)
print("gain of at least 30 points:", tuned["accuracy"] - base["accuracy"] >= 0.30)
print("the intervals do not overlap:", base["interval"][1] < tuned["interval"][0])

# %% tags=["nbval-ignore-output"]
scored("5", base=base["accuracy"], tuned=tuned["accuracy"])

# %%
print("parameters that the run trained:", tone.metrics["adapter"]["trainable"])

# %% [markdown]
# **Exercise 5.3.** *Where does it still err?* In `tuned["confusion"]` each row is a true tone and each column an
# answer, in the order of `tuned["labels"]`. Find the pair of *different* tones with the largest count:
# `worst = (true, answered)`. Then read two such phrases and decide: is the model wrong, or could you argue for
# its answer?

# %%
worst = None
### BEGIN SOLUTION
labels, table = tuned["labels"], tuned["confusion"]
pairs = {(a, b): table[i][j] for i, a in enumerate(labels) for j, b in enumerate(labels) if a != b}
worst = max(pairs, key=pairs.get)
### END SOLUTION

# %%
check("5.3", worst)

# %% [markdown]
# ### Ask it
# Your text fills the place of `{phrase}`; the rest of the template is added for you. The adapter is what was
# trained; `--source base` asks the model it was trained from.

# %% tags=["nbval-ignore-output"]
# %%generate tone
The lift is stuck again and nobody answers the emergency button!
We close at six on Sundays.

# %% tags=["nbval-ignore-output"]
# %generate tone "The lift is stuck again and nobody answers!" --source base --max-new-tokens 12

# %% [markdown]
# ### Make it small
# `%optimize` merges the adapter into the model, writes it as ONNX, checks it against the tuned PyTorch model,
# stores its weights as 8-bit whole numbers, counts the right answers again, and measures size and speed beside
# PyTorch in the same run. It refuses to call a model done that answers differently.

# %% tags=["nbval-ignore-output"]
# %optimize tone --precision int8

# %%
rungs = labkit.Run("tone/onnx").metrics["rungs"]
lost = rungs["fp32"]["metric"]["value"] - rungs["int8"]["metric"]["value"]
print("ONNX fp32 equals PyTorch (logits within 0.01):", rungs["fp32"]["held_out"]["max_abs_logit_diff"] < 0.01)
print("int8 within 2 points of fp32:", abs(lost) <= 0.02)
print("less than 160 MB:", rungs["int8"]["size_bytes"] < 160e6)

# %% [markdown]
# **Exercise 5.4.** *Why is the int8 model a quarter of the size?* Put the letter of the reason that is true into
# `reason`: **a** three quarters of the weights are left out · **b** the adapter got a smaller rank · **c** each
# weight takes one byte in place of four.

# %%
reason = None
### BEGIN SOLUTION
reason = "c"
### END SOLUTION

# %%
check("5.4", reason)

# %% [markdown]
# The folder `runs/tone/onnx/int8` is the whole model: copy it to a machine without PyTorch and `labkit.load` answers
# with it there. Here it answers in this notebook's own process, which never loads PyTorch.

# %% tags=["nbval-ignore-output"]
model = labkit.load("tone")
model.score("The lift is stuck again and nobody answers!", tone.metrics["labels"])

# %% [markdown]
# ### What you have seen
# - 135 million parameters, 5 million of them trained, on 510 phrases, in a few minutes on a plain processor.
# - The gain is far larger than its interval: this is no luck. On other phrases than these, written by other
#   people, it may be smaller; only a test on your own data would tell.
# - The ONNX model is a quarter of the size of the original and answers alike.
#
# **Try next:** `--r 4` (a quarter of the parameters: is it worse by more than the interval?) ·
# `--limit 60` (ten phrases a tone: how much data was needed?) · your own file: `data: my.csv` and a
# `text_template` with your columns.

# %% tags=["nbval-ignore-output"]
# %runs
