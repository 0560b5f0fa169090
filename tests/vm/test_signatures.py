# SPDX-License-Identifier: GPL-2.0-or-later
"""Secure Boot for real: what we say of keys and modules is what the kernel does, and a refusal changes nothing.

One boot through OVMF, shim and GRUB, with one key in MokList, one in the firmware's db, and one nowhere.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from omatic import dirs, proc
from omatic.errors import OmaticError
from tests.vm import secureboot
from tests.vm.conftest import Built

pytestmark = pytest.mark.life

MODULES = ("unsigned", "signed by mok", "signed by database", "signed by stranger", "changed")
GOOD_KEYS, KEYS = ("mok", "database"), ("mok", "database", "stranger")
_TOP = Path(__file__).resolve().parents[2]


Seen: TypeAlias = dict[str, Any]
"""What signatures_guest.py found."""


@pytest.fixture(scope="module")
def seen(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Boot with Secure Boot and look."""
    tools = Path(sys.executable).parent
    if not (tools / "virt-fw-vars").is_file():
        pytest.skip("virt-fw-vars is not installed; it is in the development requirements (make venv)")
    try:
        files = secureboot.firmware(dirs.default_cache())
    except OmaticError as error:
        pytest.skip(f"the packages {', '.join(secureboot.PACKAGES)} cannot be had: {error.message}")
    work = tmp_path_factory.mktemp("secureboot")
    folder = work / "given"
    folder.mkdir()
    for path in (built.hook, built.core, built.modules["veth"]):
        shutil.copy(path, folder)
    for name in KEYS:
        _make_key(folder, name)
    with secureboot.boot(
        built.stock, files, tools, work, mok=[folder / "mok.pem"], database=[folder / "database.pem"]
    ) as machine:
        for command in _small_kernel(built):
            machine.must(*command)
        script = _TOP / "tests/vm/signatures_guest.py"
        said = machine.must("env", f"PYTHONPATH={_TOP}", sys.executable, script, built.release, folder)
        found: Seen = json.loads(said.splitlines()[-1])
        return found


def _make_key(folder: Path, name: str) -> None:
    # As DKMS makes its own.
    options = ("-nodes", "-days", "100", "-subj", f"/CN=pfq-omatic test {name}", "-newkey", "rsa:2048")
    proc.run(["openssl", "req", "-new", "-x509", *options, "-keyout", folder / f"{name}.key",
              "-out", folder / f"{name}.pem"])  # fmt: skip
    proc.run(["openssl", "x509", "-in", folder / f"{name}.pem", "-outform", "DER", "-out", folder / f"{name}.der"])


def _small_kernel(built: Built) -> Iterator[tuple[str | Path, ...]]:
    """Yield commands that install the kernel in the machine, with the one module of it that matters: depmod is slow."""
    modules = Path("/lib/modules", built.release)
    build = (modules / "build").resolve()
    yield ("mkdir", "-p", modules)
    yield ("mount", "-t", "tmpfs", "modules", modules)
    yield ("mkdir", "-p", modules / "kernel/drivers/net")
    yield ("ln", "-s", build, modules / "build")
    for name in ("modules.builtin", "modules.order", "kernel/drivers/net/veth.ko"):
        (found,) = built.stock.modules.glob(f"{name}*") if name.endswith(".ko") else [built.stock.modules / name]
        yield ("cp", found, modules / name)
    yield ("depmod", built.release)


def test_secure_boot_enforces_signatures(seen: Seen) -> None:
    """Nothing but Secure Boot asks for it here."""
    assert seen["enforced"]


@pytest.mark.parametrize("name", KEYS)
def test_what_we_expect_of_a_key_is_what_the_kernel_says(name: str, seen: Seen) -> None:
    """The kernel, shown a signature; our reading of its keyrings; and what `prepare` makes of both."""
    key = seen[name]
    good = name in GOOD_KEYS
    assert (key["expected"], key["kernel"], key["refused"] is None) == (good, good, good), key
    if good:
        assert {"mok": ".machine", "database": ".platform"}[name] in key["reason"]
    else:
        assert (key["refused"]["kind"], key["refused"]["exit"]) == ("SignatureRefused", 20)
        assert "mokutil --import" in key["refused"]["hint"] and "console" in key["refused"]["hint"]


@pytest.mark.parametrize("name", MODULES)
def test_what_we_expect_of_a_module_is_what_the_kernel_does(name: str, seen: Seen) -> None:
    """insmod has the last word."""
    module = seen[name]
    good = name in ("signed by mok", "signed by database")
    assert (module["expected"], module["kernel"]) == (good, good), module
    assert good or "rejected" in module["said"]
    if name.startswith("signed by"):
        assert module["signer"] == f"pfq-omatic test {name.removeprefix('signed by ')}"


def test_install_refuses_before_anything_is_changed(seen: Seen) -> None:
    """With a key that is not enrolled: the stock driver stays, and loads."""
    refused = seen["install with stranger"]
    assert (refused["refused"]["kind"], refused["refused"]["exit"]) == ("SignatureRefused", 20)
    assert not refused["changed"]
    assert refused["loaded"] and not refused["hooked"], refused


def test_install_with_an_enrolled_key_gives_drivers_that_load(seen: Seen) -> None:
    """Signed on the way; modprobe then loads the hook and the driver."""
    installed = seen["install with mok"]
    assert installed["refused"] is None, installed
    assert installed["changed"] and installed["loaded"] and installed["hooked"], installed


def test_without_a_key_the_next_command_makes_one(seen: Seen) -> None:
    """What `doctor` tells in this machine, where no key is in DKMS's place."""
    told = seen["told"]
    assert not told["loads"]
    assert "enforced" in told["reason"] and "openssl req" in told["hint"]
