# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the core need on the kernels of other Debian releases: the same as in tests/vm."""

import pytest

from tests import kernelroots
from tests.vm import conftest as vm
from tests.vm.conftest import Built

LINES = ("5.10", "6.12", "7", "6.12-rt", "7-rt")
BRIEFLY = ("5.10-rt", "6.1-rt")
"""Real-time flavours that are not the newest ones: they boot, and programs find what they expect."""

DRIVERS = ("e1000e", "veth")
_BRIEF = "test_the_module_is_what_programs_for_pfq_expect"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Say on which kernels a test of the core is run."""
    if "built" in metafunc.fixturenames:
        lines = LINES + BRIEFLY if metafunc.function.__name__ == _BRIEF else LINES
        metafunc.parametrize("built", lines, indirect=True, scope="session")


@pytest.fixture(scope="session")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build what the tests need for the newest kernel of a line."""
    root = kernelroots.root(request.param)
    return vm.build(root.release, DRIVERS, tmp_path_factory, root.path)
