# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's own package archive, asked for real."""

from pathlib import Path

import pytest

from omatic import apt, dirs, proc
from omatic.errors import SourceNotFound

pytestmark = pytest.mark.kbuild


def test_source_package_without_deb_src(tmp_path: Path) -> None:
    """Where source packages are switched off in apt's configuration they are had all the same, for us alone."""
    before = {path: path.read_bytes() for path in Path("/etc/apt").rglob("*") if path.is_file()}
    (version, *_) = [package.version for package in apt.candidates("hello")]
    description = apt.source_package("hello", version, tmp_path)
    proc.run(["dpkg-source", "--no-check", "--extract", description, tmp_path / "hello"])
    assert (tmp_path / "hello/src/hello.c").is_file()
    assert before == {path: path.read_bytes() for path in Path("/etc/apt").rglob("*") if path.is_file()}


def test_download_is_checked_and_kept(tmp_path: Path) -> None:
    """A package comes with its checksum, once; a version that the archive does not have is an error."""
    (package, *_) = apt.candidates("hello")
    file = apt.download(package, tmp_path)
    assert (tmp_path / f"{file.name}.sha256").read_text().split()[0] == dirs.sha256(file) == package.sha256
    changed = file.stat().st_mtime_ns
    assert apt.download(package, tmp_path) == file
    assert file.stat().st_mtime_ns == changed
    assert {path.name for path in tmp_path.iterdir()} == {file.name, f"{file.name}.sha256", "home"}
    with pytest.raises(SourceNotFound):
        apt.download(apt.Package("hello", "0.0-none", 1, ""), tmp_path)
