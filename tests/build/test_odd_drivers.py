# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers that do it in their own way: one for every kind of site and of build that real drivers have.

All of them are `make sweep`'s; these are the few that stand for the rest.
"""

import json

import pytest

from omatic.errors import BuildFailed
from tests.build.conftest import Command
from tests.build.test_drivers import assert_accelerated, assert_proven

pytestmark = pytest.mark.kbuild

ODD = {
    "cassini": {"macro body"},  # one macro, used three times
    "sis190": {"macro body"},  # another name for the function
    "jme": {"address taken"},  # pointers in a structure
    "3c59x": {"call"},  # one of several modules in a folder
    "8139cp": {"call"},  # the same
    "liquidio_vf": {"call"},  # its objects are another's too, and compiled with both names
    "tulip": {"call"},  # a site that this configuration leaves out
    "myri10ge": {"call"},  # napi_gro_frags
    "mt7601u": {"call"},  # netif_receive_skb_list; trace headers
    "macsec": {"call"},  # a single file; __netif_rx, and gro_cells beside it
    "atlantic": {"call"},  # looks for headers in $(srctree)/$(src), with subfolders
    "hv_netvsc": {"call"},  # a trace header that counts its path from the kernel's include/trace
    "wanxl": {"call"},  # includes a file that exists only as it is shipped
}
"""The drivers, and the kinds of their sites."""


def test_odd_drivers(command: Command) -> None:
    """All are built and proven like any other; the plan knows what kind their sites are."""
    plans = {plan["driver"]: plan for plan in command.json("plan", [*ODD])}
    kinds = {
        name: {site["kind"] for site in plan["sites"] if site["units"] and site["kind"] != "inactive"}
        for name, plan in plans.items()
    }
    assert kinds == ODD
    assert any(site["kind"] == "inactive" for site in plans["tulip"]["sites"])
    built = {one["driver"]: one for one in command.json("build", [*ODD])}
    assert built.keys() == ODD.keys()
    for one in built.values():
        assert_proven(one)
        assert_accelerated(one)


def test_the_others_are_built_when_one_cannot_be(private: Command) -> None:
    """Of three drivers the second does not compile: the others are built and printed, the exit code is its own."""
    drivers = ["sis190", "vmxnet3", "veth"]
    private.json("plan", drivers)
    (spoilt,) = (private.cache / "work").glob("*/vmxnet3/tree/drivers/net/vmxnet3/vmxnet3_ethtool.c")
    with spoilt.open("a") as file:
        file.write("#error spoilt\n")
    done = private.run("build", *drivers, "--kernel", private.release, "--json")
    assert done.returncode == BuildFailed.exit_code, done.stderr
    assert "#error spoilt" in done.stderr
    assert [one["driver"] for one in json.loads(done.stdout)] == ["sis190", "veth"]
