# SPDX-License-Identifier: GPL-2.0-or-later
"""How a further suite is added to a copy of the machine's apt sources."""

from tests.vm import get_qemu

DEB822 = """\
# main
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/key.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """\
# deb http://mirror.invalid/debian bookworm main
deb [signed-by=/k.gpg] http://mirror.invalid/debian bookworm main contrib
deb http://mirror.invalid/security bookworm-security main
deb-src http://mirror.invalid/debian bookworm main
"""
PLAN = """\
Inst libfdt1 (1.6.1-4 Debian:12/stable [amd64])
Inst qemu-system-x86 [1:7.2+dfsg-7] (1:10.0.2+ds-2~bpo12+1 Debian Backports:stable-backports [amd64]) []
Conf libfdt1 (1.6.1-4 Debian:12/stable [amd64])
"""


def test_deb822_sources() -> None:
    """Only the stanza of the release itself is taken; everything else in it stays."""
    (stanza,) = get_qemu.with_suite(DEB822, "bookworm", "bookworm-backports", ".sources")
    assert "Suites: bookworm bookworm-backports\n" in stanza
    assert "Signed-By: /usr/share/keyrings/key.gpg" in stanza


def test_one_line_sources() -> None:
    """Options and components stay."""
    (lines,) = get_qemu.with_suite(ONE_LINE, "bookworm", "bookworm-backports", ".list")
    assert lines.splitlines() == [
        "deb [signed-by=/k.gpg] http://mirror.invalid/debian bookworm main contrib",
        "deb [signed-by=/k.gpg] http://mirror.invalid/debian bookworm-backports main contrib",
    ]


def test_the_plan_of_a_simulated_installation() -> None:
    """Name and version of what would be installed, upgraded or new."""
    assert get_qemu.to_install(PLAN) == ["libfdt1=1.6.1-4", "qemu-system-x86=1:10.0.2+ds-2~bpo12+1"]
