# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the core need on the kernels of other Debian releases: the same as in tests/vm."""

import pytest

from tests import kernelroots
from tests.vm import conftest as vm
from tests.vm.conftest import Built

LINES = ("5.10", "6.12", "7", "6.12-rt", "7-rt")
DRIVERS = ("e1000e", "veth")


@pytest.fixture(scope="session", params=LINES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build what the tests need for the newest kernel of a line."""
    root = kernelroots.root(request.param)
    return vm.build(root.release, DRIVERS, tmp_path_factory, root.path)
