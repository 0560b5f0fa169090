# SPDX-License-Identifier: GPL-2.0-or-later
"""A small machine below another root: a kernel with toy modules that the real depmod and modinfo understand."""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from omatic import elf, proc
from omatic.dirs import sha256
from omatic.life import modprobe
from omatic.life.change import Options, Result
from omatic.life.install import Delivery, Ready, deploy
from omatic.life.system import System
from omatic.life.uninstall import withdraw
from omatic.model import KernelTarget

RELEASE = "6.1.0-1-toy"
INTEL = Path("drivers/net/ethernet/intel")
STOCK = {
    "e1000e": INTEL / "e1000e/e1000e.ko",
    "igb": INTEL / "igb/igb.ko",
    "ne2k_pci": Path("drivers/net/ethernet/8390/ne2k-pci.ko"),
    "8390": Path("drivers/net/ethernet/8390/8390.ko"),
}
"""The drivers that the machine's kernel has."""


def module(path: Path, imports: Iterable[str] = (), **info: str) -> Path:
    """Make a module, if it is not there, that imports these symbols and says this of itself."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    said = "".join(f"{key}={value}\\0" for key, value in {"license": "GPL", "name": path.stem, **info}.items())
    text = f'__attribute__((section(".modinfo"), used)) static const char info[] = "{said}";\n'
    build_id = hashlib.sha1(f"{path}{said}".encode()).hexdigest()
    text += f'asm(".pushsection .note.gnu.build-id, \\"a\\", @note; .ascii \\"{build_id}\\"; .popsection");\n'
    for symbol in imports:
        text += f"extern void {symbol}(void);\nvoid use_{symbol}(void) {{ {symbol}(); }}\n"
    source = path.with_suffix(".c")
    source.write_text(text)
    options = ("-O2", "-fno-pic", "-fno-pie", "-fno-asynchronous-unwind-tables", "-c")
    proc.run(["gcc", *options, source, "-o", path])
    source.unlink()
    return path


@dataclass(frozen=True)
class Machine:
    """The machine, and a folder with what was built for it."""

    system: System
    builds: Path

    def delivery(self, *drivers: str, mark: str = "1", release: str = RELEASE) -> Delivery:
        """Return drivers ready to be installed, the core with them; another `mark` makes other files."""
        folder = self.builds / mark
        core = (
            module(folder / "pfq_hook.ko", version=mark),
            module(folder / "pfq.ko", depends="pfq_hook", version=mark),
        )
        target = KernelTarget(release, self.builds, {}, self.builds / "Module.symvers", "gcc", None)
        ready = [Ready(name, self._build(folder, name, mark), STOCK[name], 1, "equal sections") for name in drivers]
        return Delivery(target, core, tuple(ready))

    def _build(self, folder: Path, name: str, mark: str) -> Path:
        depends = "pfq_hook,8390" if name == "ne2k_pci" else "pfq_hook"
        imports = () if name == "ne2k_pci" else ("pfq_gro_receive",)
        return module(folder / STOCK[name].name, imports, depends=depends, version=f"6.1+pfq{mark}", pfq=f"{mark} toy")

    def install(self, *drivers: str, mark: str = "1", dry_run: bool = False) -> Result:
        """Install drivers."""
        return deploy([self.delivery(*drivers, mark=mark)], self.options(*drivers, dry_run=dry_run))

    def uninstall(self, *drivers: str, dry_run: bool = False) -> Result:
        """Uninstall drivers."""
        return withdraw(drivers, RELEASE, self.options(*drivers, dry_run=dry_run))

    def options(self, *drivers: str, dry_run: bool = False) -> Options:
        """Return options with the journal's words."""
        return Options(self.system, (*drivers, "--kernel", RELEASE), dry_run)

    def loads(self, name: str) -> str | None:
        """Return the file that modprobe would load, below the kernel's folder."""
        found = modprobe.loads(self.system, RELEASE, name)
        return found and found.removeprefix(f"/lib/modules/{RELEASE}/")

    def file(self, path: str | Path) -> Path:
        """Return a file below the kernel's folder."""
        return self.system.modules(RELEASE) / path

    def boot(self, release: str = RELEASE) -> None:
        """Have the machine run a kernel, with no module loaded."""
        running = self.system.root / "proc/sys/kernel/osrelease"
        running.parent.mkdir(parents=True, exist_ok=True)
        running.write_text(f"{release}\n")

    def load(self, path: Path, *devices: str) -> None:
        """Have a module loaded from a file, and drive these network devices."""
        name = path.name.removesuffix(".ko").replace("-", "_")
        found = elf.load(path)
        loaded = self.system.root / "sys/module" / name
        (loaded / "notes").mkdir(parents=True, exist_ok=True)
        (loaded / "notes/.note.gnu.build-id").write_bytes(found.data_of(".note.gnu.build-id"))
        if version := found.modinfo.get("version"):
            (loaded / "version").write_text(f"{version[0]}\n")
        for device in devices:
            driver = self.system.root / "sys/class/net" / device / "device/driver"
            driver.mkdir(parents=True)
            (driver / "module").symlink_to(loaded)

    def content(self) -> dict[str, str]:
        """Return every file of the kernel's folder with its checksum."""
        top = self.system.modules(RELEASE)
        return {str(p.relative_to(top)): sha256(p) if p.is_file() else "" for p in sorted(top.rglob("*"))}


def machine(folder: Path, made: Path) -> Machine:
    """Make a machine in a folder; `made` is the kernel's folder. Modules are compiled once for all machines."""
    system = System(folder / "root")
    shutil.copytree(made, system.modules(RELEASE))
    return Machine(system, made.parents[3] / "builds")


def kernel(folder: Path) -> Path:
    """Make the folder of a kernel with its stock modules."""
    root = folder / "made"
    made = root / "lib/modules" / RELEASE
    for name, path in STOCK.items():
        depends = "8390" if name == "ne2k_pci" else ""
        module(made / "kernel" / path, () if depends else ("napi_gro_receive",), depends=depends)
    (made / "modules.order").write_text("".join(f"kernel/{path}\n" for path in STOCK.values()))
    (made / "modules.builtin").write_text("")
    proc.run(["depmod", "-b", root, RELEASE])
    return made
