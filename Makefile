# SPDX-License-Identifier: GPL-2.0-or-later
# The index of everything. `make` shows it.

VENV := .venv
PY   := $(VENV)/bin/python
PKGS := gcc libc6-dev make git xz-utils kmod binutils dpkg-dev cpio busybox-static qemu-system-x86
DEVPKGS := libpcap0.8 libatomic1 coccinelle sparse rpm dnf dnf-plugins-core createrepo-c patch ansible-core zsh fish

help:  ## show this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

venv: $(VENV)/.ready  ## make .venv with a working .venv/bin/pfq-omatic in it

$(VENV)/.ready: pyproject.toml tools/venv.sh
	tools/venv.sh $(VENV)

packages:  ## install the Debian packages that the work needs (root)
	tools/packages.sh $(PKGS)
	tools/default-kernel.sh

demo: venv packages  ## build, prove and see it capture: about ten minutes
	$(PY) tools/demo.py --kernel "$$(tools/default-kernel.sh)"

test: venv packages dev-packages test-fast test-user test-build test-vm test-packages-short test-dkms-short  ## everything that CI runs

dev-packages:
	tools/packages.sh $(DEVPKGS)

lint: venv  ## ruff and mypy --strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test-fast: venv lint  ## unit, golden, refusal and structure tests; offline, under a minute
	$(PY) -m pytest

test-user:  ## unit tests of the C programs
	$(MAKE) -C user test

test-build: venv  ## real drivers against real kernels: build and prove
	PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" PFQ_TEST_OLDER_KERNEL="$$(tools/older-kernel.sh)" \
		$(PY) -m pytest -m kbuild

sweep: venv packages  ## every network driver of the default kernel, built and proven; goes on where it stopped: hours
	$(VENV)/bin/pfq-omatic build --all --net --kernel "$$(tools/default-kernel.sh)"

# What the sweep has built, each with all that it needs and all that needs it; igb's NIC wants a newer QEMU.
load-all: venv packages  ## load and unload every driver that was swept, in a virtual machine, as its stock twin: half an hour
	PFQ_OMATIC_QEMU="$$($(PY) tests/vm/get_qemu.py drivers-cache/qemu || true)" \
		$(VENV)/bin/pfq-omatic rehearse --all --load-only --net --kernel "$$(tools/default-kernel.sh)"

test-kernels: venv  ## the kernels of other Debian releases, each below its own root, PREEMPT_RT too: hours (root)
	tools/packages.sh debootstrap zstd
	$(PY) -m pytest -m kernels

test-all: packages dev-packages  ## every driver of the list on 6.12 too
	PFQ_TEST_OLDER_DRIVERS="e1000e igb ixgbe i40e mlx4 mlx5 vmxnet3 veth virtio_net" $(MAKE) test

# igb needs a newer QEMU than Debian 12's; without network its tests say so and are skipped.
test-vm: venv  ## real kernels in QEMU: load, capture, unload
	PFQ_OMATIC_QEMU="$$($(PY) tests/vm/get_qemu.py drivers-cache/qemu || true)" \
		PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" $(PY) -m pytest -m vm

# The two long forms of what test-vm does briefly; a seed that is printed repeats a run: PFQ_TEST_SEED=... make fuzz
COUNT ?= 1000000
SEQUENCES ?= 20000

fuzz: venv packages  ## attack the core's options, memory and rings in a virtual machine, COUNT=1000000 times: hours
	PFQ_TEST_FUZZ=$(COUNT) PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" $(PY) -m pytest -m vm -s tests/vm/test_fuzz.py

test-model: venv packages  ## SEQUENCES=20000 random sequences of calls against the model of the interface: hours
	PFQ_TEST_SEQUENCES=$(SEQUENCES) PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" \
		$(PY) -m pytest -m vm -s tests/vm/test_model.py

LOADS ?= 1000
CYCLES ?= 10000

test-soak: venv packages  ## load the core LOADS=1000 times, open sockets CYCLES=10000 times under traffic: an hour
	PFQ_TEST_SOAK_LOADS=$(LOADS) PFQ_TEST_SOAK_CYCLES=$(CYCLES) PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" \
		$(PY) -m pytest -m vm tests/vm/test_soak.py

# Sanitizers, lock and lifetime checks, fault injection; FLAVOUR=kcsan looks for data races, plain has KUnit alone.
FLAVOUR ?= kasan
SERIES ?= 6.1
DEBUGPKGS := flex bison bc libelf-dev libssl-dev

debug-kernel: venv packages  ## build a kernel that finds faults, and keep it in the cache: hours
	tools/packages.sh $(DEBUGPKGS)
	$(PY) tools/debug_kernel.py --series $(SERIES) --flavour $(FLAVOUR)

test-debug: debug-kernel  ## the tests in virtual machines, in the kernel that finds faults: hours (root)
	$(PY) tools/debug_kernel.py --series $(SERIES) --flavour $(FLAVOUR) -- $(abspath $(PY)) -m pytest -m vm $(TESTS)

test-dkms: venv wheels  ## kernel upgrades in Debian roots with real apt and dkms: half an hour (root)
	tools/packages.sh debootstrap zstd
	PFQ_TEST_WHEELS=build/wheels $(PY) -m pytest -m dkms

test-dkms-short: venv wheels
	tools/packages.sh debootstrap zstd
	PFQ_TEST_WHEELS=build/wheels $(PY) -m pytest -m dkms -k "no_network and 3.0.10"

# With all that the wheel needs, for a Debian 12 without a network.
wheels: wheel
	rm -f build/wheels/pfq_omatic-*
	$(VENV)/bin/pip download --quiet --only-binary :all: --python-version 3.11 --dest build/wheels dist/*.whl

test-life: venv  ## a whole Debian in QEMU: power cuts, swaps under traffic, Secure Boot: an hour or two (root)
	tools/packages.sh debootstrap zstd qemu-utils e2fsprogs
	PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" $(PY) -m pytest -m life

test-life-short: venv  ## one power cut of each kind in a small machine: ten minutes (root)
	tools/packages.sh debootstrap zstd qemu-utils e2fsprogs
	PFQ_TEST_LIFE=short PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" \
		$(PY) -m pytest -m life -k "small_machine or cut_short_installing"

check-kernel:  ## sparse on both kernel modules
	$(MAKE) -C kernel KDIR=/lib/modules/$$(tools/default-kernel.sh)/build sparse

test-packages: venv  ## the distributions' packages, in fresh Debian systems: ten minutes (root)
	tools/packages.sh debootstrap zstd
	PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" $(PY) -m pytest -m packages tests/build

# Built and looked into, but not installed.
test-packages-short: venv
	$(PY) -m pytest -m packages tests/build -k "not fresh and not dracut"

test-fleet: venv  ## roll a bundle out to Debian systems with Ansible (root)
	tools/packages.sh debootstrap zstd ansible-core
	PFQ_TEST_KERNEL="$$(tools/default-kernel.sh)" $(PY) -m pytest -m packages tests/fleet

BENCH := planning building receive scaling
BENCH_PLANNING :=
BENCH_BUILDING :=
BENCH_RECEIVE :=
BENCH_SCALING :=

# One of them: make bench BENCH=receive
# A quick form: make bench BENCH_PLANNING="--drivers ixgbe --runs 3" BENCH_BUILDING="--drivers e1000e --runs 1" BENCH_RECEIVE="--runs 1"
bench: venv packages dev-packages  ## planning against spatch, building against make, receiving against other ways to, and how it scales: an hour; plots in docs/
ifneq ($(filter planning,$(BENCH)),)
	$(PY) bench/planning.py --kernel "$$(tools/default-kernel.sh)" $(BENCH_PLANNING)
endif
ifneq ($(filter building,$(BENCH)),)
	$(PY) bench/building.py --kernel "$$(tools/default-kernel.sh)" $(BENCH_BUILDING)
endif
ifneq ($(filter receive,$(BENCH)),)
	$(PY) bench/receive.py --kernel "$$(tools/default-kernel.sh)" $(BENCH_RECEIVE)
endif
ifneq ($(filter scaling,$(BENCH)),)
	$(PY) bench/scaling.py --kernel "$$(tools/default-kernel.sh)" $(BENCH_SCALING)
endif
	$(PY) bench/plot.py

golden: venv  ## write the golden files anew; review the difference like code
	$(PY) -m pytest tests/golden --update-golden

share: venv  ## make manual pages and completion from the command line, into packaging/share/
	$(PY) tools/man.py packaging/share/man
	$(PY) tools/completion.py packaging/share/completion

wheel: share  ## build the wheel into dist/
	$(VENV)/bin/pip wheel --quiet --no-deps --wheel-dir dist .

sdist: share  ## build the source archive into dist/
	$(PY) tools/sdist.py dist

deb: venv  ## build the Debian packages pfq-omatic and pfq-dkms into dist/
	tools/deb.sh dist

rpm: venv  ## build the RPM packages of the same names into dist/
	tools/rpm.sh dist

clean:  ## remove build products and the virtual environment; the cache stays
	rm -rf $(VENV) dist build packaging/share *.egg-info
	$(MAKE) -C user clean

.PHONY: fuzz test-model test-soak debug-kernel test-debug help venv packages dev-packages demo sweep load-all test test-all lint test-fast test-user test-build test-vm \
	test-kernels test-dkms test-dkms-short test-life test-life-short \
	test-packages test-packages-short test-fleet check-kernel bench golden share wheel wheels sdist deb rpm clean
