# SPDX-License-Identifier: GPL-2.0-or-later
"""Gets a QEMU that emulates igb, for machines whose own does not, without installing anything.

    python tests/vm/get_qemu.py FOLDER      prints the path of a QEMU, for PFQ_OMATIC_QEMU

The packages come from the backports suite of the distribution. The machine's own apt sources are copied into FOLDER
and the name of the suite is added to the copy; apt then works with that private configuration and its own state, so
/etc/apt and the installed packages stay as they are. The packages are unpacked, not installed; a wrapper starts the
result with its own libraries. Without network, or on a distribution without backports, the exit status is not 0 and
the message says why.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from omatic import proc
from omatic.dirs import staging
from omatic.errors import OmaticError, SourceNotFound
from omatic.lab import qemu

MODEL = "igb"
PACKAGE = "qemu-system-x86"
_WRAPPER = """#!/bin/sh
# Starts the unpacked QEMU with the libraries and the firmware that came with it.
root=$(dirname "$(readlink -f "$0")")/root
LD_LIBRARY_PATH=$(find "$root/lib" "$root/usr/lib" -maxdepth 1 -name '*-linux-gnu' 2>/dev/null | tr '\\n' ':')
QEMU_MODULE_DIR=$(find "$root/usr/lib" -path '*-linux-gnu/qemu' -type d | head -n 1)
export LD_LIBRARY_PATH QEMU_MODULE_DIR
for prefix in "$root" ""; do
	for folder in share/qemu share/seabios lib/ipxe/qemu; do
		[ ! -d "$prefix/usr/$folder" ] || set -- -L "$prefix/usr/$folder" "$@"
	done
done
exec "$root/usr/bin/qemu-system-x86_64" "$@"
"""


def main() -> int:
    """Print the path of a QEMU that emulates igb: the machine's own, one unpacked before, or a new one."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        print(obtain(Path(sys.argv[1]).absolute()))
    except OmaticError as error:
        details = "".join(f"  {line}\n" for line in error.details)
        sys.stderr.write(f"get_qemu: {error.message}\n{details}  hint: {error.hint}\n")
        return error.exit_code
    return 0


def obtain(folder: Path) -> Path:
    """Return a QEMU that emulates igb; SourceNotFound if the distribution has none."""
    if proc.available(qemu.PROGRAM) and (own := qemu.find()).emulates(MODEL):
        return own.path
    wrapper = folder / qemu.PROGRAM
    if not wrapper.is_file():
        with staging(folder) as into:
            _unpack(into)
    if not qemu.at(wrapper).emulates(MODEL):
        raise SourceNotFound("the QEMU of the backports suite does not emulate igb either", hint="skip igb")
    return wrapper


def _unpack(folder: Path) -> None:
    suite = f"{_codename()}-backports"
    apt = ["apt-get", "-c", str(_private_configuration(folder / "apt", suite))]
    proc.run([*apt, "-qq", "update"], timeout=900)
    plan = proc.run([*apt, "-s", "--no-install-recommends", "-t", suite, "install", PACKAGE], timeout=300).stdout
    packages = folder / "packages"
    packages.mkdir()
    proc.run([*apt, "-qq", "download", *to_install(plan)], cwd=packages, timeout=1800)
    for package in sorted(packages.glob("*.deb")):
        proc.run(["dpkg-deb", "-x", package, folder / "root"])
        package.unlink()
    wrapper = folder / qemu.PROGRAM
    wrapper.write_text(_WRAPPER)
    wrapper.chmod(0o755)


def _private_configuration(apt: Path, suite: str) -> Path:
    # State, cache and sources of our own; proxies, certificates and keys remain the machine's.
    for name in ("sources", "lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    found = 0
    etc = Path("/etc/apt")
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if path.suffix in (".list", ".sources") and path.is_file():
            text = "".join(with_suite(path.read_text(errors="replace"), _codename(), suite, path.suffix))
            found += bool(text)
            (apt / "sources" / path.name).write_text(text)
    if not found:
        raise SourceNotFound(f"no apt source of this machine names the suite {_codename()}", hint="skip igb")
    configuration = apt / "apt.conf"
    configuration.write_text(
        'Dir::Etc::SourceList "/dev/null";\n'
        f'Dir::Etc::SourceParts "{apt}/sources";\n'
        f'Dir::State::Lists "{apt}/lists";\n'
        f'Dir::Cache "{apt}/cache";\n'
        'APT::Sandbox::User "root";\n'
        'Acquire::Languages "none";\n'
        "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
    )
    return configuration


def with_suite(text: str, codename: str, suite: str, form: str) -> Iterator[str]:
    """Yield the apt sources that name the suite `codename`, in the same form, with `suite` beside it."""
    if form == ".list":
        for line in text.splitlines():
            if re.match(rf"deb\s+(?:\[[^]]*\]\s+)?\S+\s+{re.escape(codename)}\s", line):
                other = re.sub(rf"(?<=\s){re.escape(codename)}(?=\s)", suite, line, count=1)
                yield f"{line}\n{other}\n"
        return
    for stanza in re.split(r"\n\s*\n", text):
        suites = re.search(r"^Suites:(.*)$", stanza, re.M)
        if suites and codename in suites[1].split() and re.search(r"^Types:.*\bdeb\b", stanza, re.M):
            yield re.sub(r"^Suites:.*$", f"Suites: {codename} {suite}", stanza, count=1, flags=re.M) + "\n\n"


def to_install(plan: str) -> list[str]:
    """Return `name=version` of each package that a simulated installation would install."""
    # Inst qemu-system-x86 [1:7.2+...] (1:10.0+... Debian Backports:... [amd64])
    return [f"{name}={version}" for name, version in re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", plan, re.M)]


def _codename() -> str:
    found = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.M)
    if found is None:
        raise SourceNotFound("this distribution states no code name", hint="skip igb")
    return found[1]


if __name__ == "__main__":
    sys.exit(main())
