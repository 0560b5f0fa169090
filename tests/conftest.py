# SPDX-License-Identifier: GPL-2.0-or-later
"""Options and isolation for all tests: no test writes to the user's home or cache, or reads git's configuration."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-golden."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(autouse=True)
def isolated(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point every personal place into the test's own folder; real builds keep the shared cache."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / name))
    if not any(request.node.get_closest_marker(marker) for marker in ("kbuild", "kernels", "vm", "life", "packages")):
        monkeypatch.setenv("PFQ_OMATIC_CACHE", str(tmp_path / "cache"))
