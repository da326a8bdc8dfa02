# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 0. Set-up: a first run, and how the labs work
#
# In this lab you find out whether your machine can do the course, train a model for a few steps, and learn how
# exercises, hints and progress work. Nothing here can break: a run is a process of its own, and its record stays.
#
# **You will be able to** tell what a machine needs for a fine-tuning · start a run and read its record ·
# check an answer, get a hint, carry your progress to another machine.
#
# **Before:** you can run a cell (Shift+Enter). **Difficulty** ●○○ · **importance** ●●○ · **measured** on two cores
# without a GPU: {{minutes}} minutes, {{memory}} GB of memory.

# %%
# %load_ext labkit

# %% [markdown]
# ### Can this machine do it?
# The doctor looks at Python, packages, memory (the limit of the container, where there is one), disk and model. Where
# something will not do, its row names the next step.

# %% tags=["nbval-ignore-output"]
# %lab doctor

# %% [markdown]
# ### What does a model need?
# The model of this course, SmolLM2-135M-Instruct, has 134 515 008 parameters. A parameter is a number, and in training
# each number is kept as a 32-bit float: four bytes.
#
# **Exercise 0.1.** *How many megabytes are the weights?* Work out `megabytes` (1 MB is 10⁶ bytes) for float32.

# %%
from labkit.course import check, predict, scored

megabytes = None
### BEGIN SOLUTION
megabytes = 134_515_008 * 4 / 1e6
### END SOLUTION

# %% [markdown]
# Every exercise has a check like the next one. It has four outcomes: not attempted, wrong (with the reason for *this*
# answer), error in the answer, pass. It never stops the notebook. `%lab hint 0.1` gives a hint, a second call the next
# one; `%lab solution 0.1` shows an answer after your first try, `%lab skip 0.1` fills it in, `%lab reset 0.1` begins anew.

# %%
check("0.1", megabytes)

# %% [markdown]
# ### What does a run cost?
# The data set `phrases` has 510 rows to learn from. In one *step* the model sees `batch_size` rows and moves its weights
# once; an *epoch* is one pass over all rows.
#
# **Exercise 0.2.** *How many steps are two epochs?* The batch size is 8, and the last batch of an epoch may be smaller.

# %%
steps = None
### BEGIN SOLUTION
steps = 2 * -(-510 // 8)
### END SOLUTION

# %%
check("0.2", steps)

# %% [markdown]
# A plan says what a run would need on this machine before it costs you anything. Compare its number of steps with yours.

# %% tags=["nbval-ignore-output"]
# %%plan
data: phrases
num_train_epochs: 2

# %% [markdown]
# ### A first run
# Eight steps are too few to learn much. Before you look: what will happen to the loss, the mean surprise (in nats) per
# token of the right answer? Put your guess of the loss in the *first* and the *last* of the eight steps in place of
# `None`. (A model that finds six tones equally likely, and knows that one of them comes, has a loss of ln 6 ≈ 1.8.)

# %%
first_loss, last_loss = None, None
### BEGIN SOLUTION
first_loss, last_loss = 4.0, 2.0
### END SOLUTION

# %%
predict("0", first=first_loss, last=last_loss)

# %% tags=["nbval-ignore-output"]
# %%finetune first
data: phrases
max_steps: 8
warmup_ratio: 0.1
seed: 0

# %% [markdown]
# `first` is now a `labkit.Run`: the record of what happened, read from the folder `runs/first`. Everything the picture
# above shows is in it, one event a line.

# %% tags=["nbval-ignore-output"]
losses = [step["loss"] for step in first.of("step")]
scored("0", first=losses[0], last=losses[-1])

# %%
print("steps taken:", len(first.of("step")))
print("the loss fell:", losses[-1] < losses[0])

# %% [markdown]
# **Exercise 0.3.** *Where is the memory highest?* `first.of("resources")` is a list of measurements of the run's process
# tree; each has `bytes`. Find the largest, in GB (10⁹ bytes), as `peak_gb`.

# %%
peak_gb = None
### BEGIN SOLUTION
peak_gb = max(event["bytes"] for event in first.of("resources")) / 1e9
### END SOLUTION

# %%
check("0.3", peak_gb)

# %% [markdown]
# ### What if something goes wrong?
# The notebook's kernel does not train. A worker process does, and writes down what it does as it goes. So ■ stops a run
# after the step it is in, with a checkpoint, and `%finetune --resume first` would go on. A typing mistake is answered
# before anything is loaded:

# %% tags=["raises-exception"]
# %%finetune oops
data: phrases
lora_apha: 32

# %% [markdown]
# **Exercise 0.4.** *You restart the kernel while a run of 20 minutes is at work. What becomes of the run?* Put a letter
# into `fate`: **a** it is lost, as all variables are · **b** it goes on, and `%runs NAME` shows it again · **c** it stops
# with a checkpoint and has to be resumed.

# %%
fate = None
### BEGIN SOLUTION
fate = "b"
### END SOLUTION

# %%
check("0.4", fate)

# %% [markdown]
# ### Your progress
# `%lab progress` shows where you stand. `%lab passport` gives it to you as a short text: on a fresh machine (Binder and
# Colab forget everything) `%lab passport labkit1.…` takes it up again. Little time? `%lab pace 12m 05` makes the runs of
# lab 05 fit into twelve minutes.

# %% tags=["nbval-ignore-output"]
# %lab progress

# %% [markdown]
# ### What you have seen
# - 135 million numbers of four bytes are 538 MB; what training adds to them is the subject of lab 03.
# - A plan says what a run needs on *this* machine, and a record says what it took.
# - The kernel never trains. Nothing you do to it harms a run.
#
# **Next:** lab 03 has the types of fine-tuning, lab 05 a whole example.
