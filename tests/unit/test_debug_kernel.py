# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of the debug kernel: what was asked for and did not take effect is told."""

import pytest

from tools import debug_kernel


def test_refused_options() -> None:
    """An option may be off, or another value, or not there at all; comments say nothing."""
    wanted = debug_kernel.options("# CONFIG_NO=y\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=8\n# text\n")
    assert wanted == {"CONFIG_A": "y", "CONFIG_B": "m", "CONFIG_C": "8"}
    assert debug_kernel.refused(wanted, "CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=8\n") == []
    assert debug_kernel.refused(wanted, "# CONFIG_A is not set\nCONFIG_B=y\n") == [
        "CONFIG_A=y",
        "CONFIG_B=m",
        "CONFIG_C=8",
    ]


@pytest.mark.parametrize("flavour", debug_kernel.FLAVOURS)
def test_fragments(flavour: str) -> None:
    """Each flavour but the plain one has its options, and none is given twice with different values."""
    texts = [path.read_text() for path in debug_kernel.fragments(flavour)]
    common, own = map(debug_kernel.options, texts)
    assert common and bool(own) == (flavour != "plain") and not common.keys() & own.keys()
