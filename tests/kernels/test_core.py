# SPDX-License-Identifier: GPL-2.0-or-later
"""The core on kernels of other Debian releases, and on their real-time flavours: the very tests of tests/vm."""

from pathlib import Path

import pytest

from omatic import kernel
from tests import corestyle, kernelroots
from tests.vm import test_conformance, test_devices, test_engine, test_twins

pytestmark = pytest.mark.kernels

test_the_module_is_what_programs_for_pfq_expect = test_conformance.test_the_module_is_what_programs_for_pfq_expect
test_who_gets_which_frame = test_engine.test_who_gets_which_frame
test_bindings_follow_devices = test_devices.test_bindings_follow_devices
test_everything_comes_and_goes_under_traffic = test_devices.test_everything_comes_and_goes_under_traffic
test_limits_are_parameters = test_devices.test_limits_are_parameters

bench_nic = test_twins.bench_nic
test_each_frame_once_by_every_delivery_function = test_twins.test_each_frame_once_by_every_delivery_function
test_unloading_under_traffic = test_twins.test_unloading_under_traffic
test_taps_and_bindings_change_in_the_middle_of_a_poll = test_twins.test_taps_and_bindings_change_in_the_middle_of_a_poll


@pytest.mark.parametrize("line", ("5.10", "6.12", "7"))
def test_the_compiler_and_sparse_have_nothing_to_say(line: str, tmp_path: Path) -> None:
    root = kernelroots.root(line)
    assert corestyle.warnings(kernel.discover(root.release, root=root.path), tmp_path / "core", sparse=True) == []
