# make demo: the main job on the embedded default.  make test: every test.  Both make .venv first.
PYTHON ?= python3
BIN := .venv/bin
REUSE ?= $(CURDIR)/.reuse
# Where runs that notebooks have in common are kept; `make notebooks REUSE=` makes all of them anew.
MINUTES ?= 12
# How much of the labs `make test` proves: each commit some, in turn. `make notebooks` proves all.

.PHONY: demo test unit notebooks flakes check fix docs labs lab clean
.PHONY: bench-train bench-methods bench-tasks bench-practice bench-architectures bench-openvino bench-llama bench-plan bench-diagnose bench-olive bench-jobs

demo: .venv/ready
	$(BIN)/labkit demo

test: check unit
	$(BIN)/python scripts/browser.py
	$(BIN)/pytest -q -n 3 --dist loadfile -m "process and not model and not browser"
	LABKIT_REUSE=$(REUSE) $(BIN)/python scripts/notebooks.py --minutes $(MINUTES)
	LABS_MINUTES=$(MINUTES) LABS_REUSE=$(REUSE) $(BIN)/pytest -q -m "model and not browser"
	$(BIN)/pytest -q -m browser tests/browser

notebooks: .venv/ready
	LABKIT_REUSE=$(REUSE) $(BIN)/python scripts/notebooks.py

unit: .venv/ready
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not process and not model and not browser"

flakes: .venv/ready
	$(BIN)/python scripts/browser.py
	$(BIN)/python scripts/flakes.py 10

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/build_labs.py --check
	$(BIN)/python scripts/reference.py --check

fix: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/ready
	$(BIN)/python scripts/reference.py

labs: .venv/ready
	$(BIN)/python scripts/build_labs.py

lab: .venv/ready
	$(BIN)/jupyter lab labs

bench-train:
	$(PYTHON) benchmarks/train/run.py

bench-methods: .venv/ready
	$(BIN)/python benchmarks/methods.py

bench-tasks: .venv/ready
	$(BIN)/python benchmarks/tasks.py

bench-architectures: .venv/ready
	$(BIN)/python benchmarks/architectures.py

bench-openvino: .venv/ready
	$(BIN)/python benchmarks/openvino/run.py runs/demo/onnx/int8

bench-llama: .venv/ready
	$(BIN)/python benchmarks/llama/run.py runs/demo/onnx/int8

bench-jobs: .venv/ready
	$(PYTHON) benchmarks/jobs/run.py

bench-olive:
	$(PYTHON) benchmarks/olive/run.py

bench-plan: .venv/ready
	$(BIN)/python benchmarks/plan.py

bench-diagnose: .venv/ready
	$(BIN)/python benchmarks/diagnose.py

bench-practice: .venv/ready
	$(BIN)/python benchmarks/trunk.py
	$(BIN)/python benchmarks/augment.py

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) scripts/environment.py .venv
	touch $@

clean:
	rm -rf .venv
