# SPDX-License-Identifier: GPL-2.0-or-later
"""Loading drivers as users do, on a real kernel: what goes in with them, what they answer, and who is blamed.

A part of what `make load-all` does with every driver.
"""

import json
import os
import sys
from pathlib import Path

import pytest

from omatic import proc
from omatic.sweep.loads import Loaded, LoadReport, Loads, by_driver

pytestmark = pytest.mark.vm

DRIVERS = ("veth", "e1000e", "vmxnet3", "8390", "hv_netvsc", "xen_netfront")
"""Without hardware; with an emulated NIC, twice; one that others need; two that want another hypervisor."""

_TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def report() -> LoadReport:
    """Build them and load them; the command ends well."""
    release = os.environ.get("PFQ_TEST_KERNEL") or proc.run([_TOP / "tools/default-kernel.sh"]).stdout.strip()
    command = [sys.executable, "-m", "omatic", "rehearse", *DRIVERS, "--load-only", "--kernel", release, "--json"]
    return LoadReport.from_json(json.loads(proc.run(command, cwd=_TOP).stdout))


@pytest.fixture(scope="module")
def loaded(report: LoadReport) -> dict[str, Loaded]:
    """The results by driver."""
    return by_driver(report.results)


@pytest.mark.parametrize("driver", DRIVERS)
def test_it_loads_as_the_stock_module_does(driver: str, loaded: dict[str, Loaded]) -> None:
    """The same answers, and no warning in the log that the stock module does not cause."""
    result = loaded[driver]
    assert result.state is Loads.ALIKE, result.differences
    assert not result.alone
    assert {driver, "pfq_hook"} <= set(result.modules)


def test_what_others_need_is_tried_with_them(loaded: dict[str, Loaded]) -> None:
    """8390 is a library: the drivers that use it go in on top of the accelerated one."""
    assert "ne2k_pci" in loaded["8390"].dependents
    assert set(loaded["8390"].dependents) <= set(loaded["8390"].modules)
    assert not any("ne2k_pci" in answer for answer in loaded["8390"].answers)


def test_drivers_of_another_hypervisor_refuse_as_stock(loaded: dict[str, Loaded]) -> None:
    """Their answers are listed; those that have hardware here, or need none, answer 0 throughout."""
    assert loaded["xen_netfront"].answers == ("insert xen_netfront: ENODEV",)
    assert any("hv_netvsc" in answer for answer in loaded["hv_netvsc"].answers)
    for name in ("veth", "e1000e", "vmxnet3"):
        assert loaded[name].answers == (), name


def test_a_driver_with_an_emulated_nic_drives_it(loaded: dict[str, Loaded]) -> None:
    """The log has what the driver says of its NIC, with either module: no line of it is ours alone."""
    assert loaded["e1000e"].lines == ()
