# SPDX-License-Identifier: GPL-2.0-or-later
"""Places, and writing that is whole or not at all."""

from pathlib import Path

import pytest

from omatic import dirs


@pytest.mark.parametrize("name", dirs.RESOURCES)
def test_resources_are_there(name: str) -> None:
    """Templates, patches, kernel and user sources travel with the program."""
    assert any(dirs.resource(name).iterdir())


def test_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PFQ_OMATIC_CACHE wins; a checkout uses its own drivers-cache."""
    monkeypatch.setenv("PFQ_OMATIC_CACHE", str(tmp_path))
    assert dirs.default_cache() == tmp_path
    monkeypatch.delenv("PFQ_OMATIC_CACHE")
    assert dirs.default_cache().name == "drivers-cache"


def test_staging_is_all_or_nothing(tmp_path: Path) -> None:
    """A failure leaves what was there before, and no litter."""
    target = tmp_path / "result"
    with dirs.staging(target) as folder:
        (folder / "a").write_text("1")
    with pytest.raises(KeyboardInterrupt), dirs.staging(target) as folder:
        (folder / "a").write_text("2")
        raise KeyboardInterrupt
    assert (target / "a").read_text() == "1"
    with dirs.staging(target) as folder:
        (folder / "b").write_text("3")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["home", "result"] or list(tmp_path.glob(".*")) == []


def test_atomic_write(tmp_path: Path) -> None:
    """A file is replaced whole; a failed write leaves the old one and no litter."""
    path = tmp_path / "f"
    dirs.write_atomically(path, b"1")
    with pytest.raises(TypeError):
        dirs.write_atomically(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"1"
    assert list(tmp_path.glob(".f*")) == []
