# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian roots for tests that change a whole system: made by debootstrap, changed by chroot, kept by what is in them.

    root = roots.base("bookworm")                     a minimal root; do not change it, `copy` it
    mine = roots.copy(root, tmp_path / "root")
    roots.install(mine, ["dkms", "kmod"])
    roots.inside(mine, "apt-get -y install ...")      a line of shell in the root; raises CommandError

The packages come from where this machine's own apt gets them: the archive's address is asked from apt when it is
needed, and apt's sources, keys and settings are copied into the root. Everything is kept in drivers-cache/roots/;
deleting that is always safe. Needs root, debootstrap and unshare.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from omatic import proc
from omatic.proc import Completed
from omatic.state import digest

KEPT = Path(__file__).resolve().parents[1] / "drivers-cache" / "roots"
_APT = Path("etc/apt")
_KEYRING = Path("usr/share/keyrings/debian-archive-keyring.gpg")
_NO_SERVICES = "#!/bin/sh\n# No service is started in a root that only lies there.\nexit 101\n"
_PATIENCE = 1800.0


def require() -> None:
    """Skip the test where roots cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a Debian root")
    for tool in ("debootstrap", "unshare", "chroot"):
        if not proc.available(tool):
            pytest.skip(f"{tool} is not installed")


@contextmanager
def kept(name: str, *content: object) -> Iterator[tuple[Path, bool]]:
    """Yield the place in the cache for this content, and whether it is there already; the caller makes it if not.

    Older content of the same name is removed once the new one is there.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}-{digest(*content)[:12]}"
    with filelock.FileLock(KEPT / f".{name}.lock"):
        there = path.exists()
        yield path, there
        if not there and path.exists():
            for other in KEPT.glob(f"{name}-{'?' * 12}"):
                if other != path:
                    remove(other)


def base(suite: str) -> Path:
    """Return a minimal root of a Debian suite with working apt sources."""
    sources = _sources(suite)
    with kept(suite, suite, {str(path): text for path, text in sources.items()}) as (path, there):
        if not there:
            making = Path(tempfile.mkdtemp(prefix=f".{suite}.", dir=KEPT))
            try:
                proc.run(
                    ["debootstrap", "--variant=minbase", f"--keyring=/{_KEYRING}", suite, making, _archive()],
                    timeout=_PATIENCE,
                )
                _prepare(making, sources)
                inside(making, "apt-get -qq update")
                making.chmod(0o755)
                making.rename(path)
            finally:
                remove(making)
    return path


def copy(root: Path, to: Path) -> Path:
    """Return a copy of a root that may be changed."""
    proc.run(["cp", "-a", "--reflink=auto", root, to], timeout=_PATIENCE)
    return to


def remove(root: Path) -> None:
    """Remove a root, or another thing that was kept."""
    if root.is_dir():
        proc.run(["rm", "-rf", "--one-file-system", root], timeout=_PATIENCE)
    else:
        root.unlink(missing_ok=True)


def install(root: Path, packages: Sequence[str]) -> None:
    """Install packages, without what they merely recommend, into a root."""
    inside(root, f"apt-get -y -qq --no-install-recommends install {' '.join(packages)}")


def inside(
    root: Path,
    command: str,
    *,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = _PATIENCE,
    network: bool = True,
) -> Completed:
    """Run a line of shell in a root, in its own mount and process namespaces: nothing of it outlives the command.

    `network=False` takes the network away, too.
    """
    settings = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **(env or {})}  # fmt: skip
    return proc.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root / 'proc'}",
         *([] if network else ["--net"]), "chroot", root, "/bin/sh", "-c", command],
        env=settings, timeout=timeout, check=check,
    )  # fmt: skip


def _prepare(root: Path, sources: Mapping[Path, str]) -> None:
    (root / _APT / "sources.list").unlink(missing_ok=True)
    for path, text in sources.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if (Path("/") / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path("/") / name, root / name)
    services = root / "usr/sbin/policy-rc.d"
    services.write_text(_NO_SERVICES)
    services.chmod(0o755)


def _sources(suite: str) -> dict[Path, str]:
    """Return the files of apt's configuration for a root: this machine's, with the suite's name changed."""
    own = _codename()
    etc = Path("/") / _APT
    files = {}
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if path.suffix in (".list", ".sources") and path.is_file():
            text = path.read_text(errors="replace")
            if re.search(rf"\b{own}\b", text):
                files[path.relative_to("/")] = re.sub(rf"\b{own}\b", suite, text)
    for path in sorted((etc / "apt.conf.d").glob("*")):
        # Proxies, certificates and what is said of dates; not what containers do to save space.
        if "Acquire::" in (text := path.read_text(errors="replace")) and "docker" not in path.name:
            files[path.relative_to("/")] = text
    if not any(path.suffix in (".list", ".sources") for path in files):
        pytest.skip(f"no apt source of this machine names the suite {own}")
    return files


def _archive() -> str:
    """Return the address of the archive that this machine's apt uses for its own suite."""
    told = proc.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]).stdout
    for line in told.splitlines():
        release, component, address = line.split(maxsplit=2)
        if release == _codename() and component == "main":
            return address
    pytest.skip("apt has no archive of this machine's own suite; apt-get update may help")


def _codename() -> str:
    found = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.M)
    return found[1] if found else "unknown"
