# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way in which pfq-omatic can refuse or fail, in one hierarchy.

Each error says what happened and where (`message`), what to do next (`hint`) and, where it helps, the evidence
(`details`, one line each). `exit_code` is what the command line returns; docs/exit-codes.md lists them. Errors know
nothing of terminals: only `cli` prints them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class OmaticError(Exception):
    """Root of the hierarchy: a message, a hint and optional details."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __reduce__(self) -> tuple[object, ...]:
        """Let an error come out of another process as it was, whatever its class wants to be made of."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[OmaticError], args: tuple[object, ...], what: Mapping[str, object]) -> OmaticError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(what)
    return error


class UsageError(OmaticError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class KernelMissing(OmaticError):
    """The kernel asked for, or its headers, are not on this machine."""

    exit_code = 3


class ToolMissing(OmaticError):
    """A program or library that the work needs is not installed."""

    exit_code = 4

    def __init__(self, tool: str, *, package: str | None = None, root: Path = Path("/")) -> None:
        below = root != Path("/")
        super().__init__(
            f"the program '{tool}' is not installed" + (f" below {root}" if below else ""),
            hint=(f"chroot {root} " if below else "") + f"apt-get install {package or tool}",
        )
        self.tool = tool


class UnknownDriver(OmaticError):
    """No module of that name exists for this kernel."""

    exit_code = 5


class BuiltInDriver(OmaticError):
    """The driver is part of the kernel image and cannot be replaced."""

    exit_code = 6


class PlanRefused(OmaticError):
    """A mention of a delivery function could not be explained; nothing was changed."""

    exit_code = 7


class SourceUnreachable(OmaticError):
    """The sources are not cached and cannot be had now (no network, or --offline)."""

    exit_code = 8


class SourceNotFound(OmaticError):
    """The exact sources do not exist where we looked (package version, git URL or ref, path)."""

    exit_code = 9


class SourceCorrupt(OmaticError):
    """An archive is damaged, is not an archive, or its checksum is not the recorded one."""

    exit_code = 10


class DiskFull(OmaticError):
    """A write failed for want of space; half-written files were removed."""

    exit_code = 11

    def __init__(self, where: Path | str, details: Sequence[str] = ()) -> None:
        super().__init__(
            f"no space left on device while writing {where}",
            hint="free some space, or choose another place with --cache-dir or PFQ_OMATIC_CACHE",
            details=details,
        )


class BuildFailed(OmaticError):
    """The kernel's build system reported errors."""

    exit_code = 12


class VerifyFailed(OmaticError):
    """The module was built, but a proof failed; it is not delivered."""

    exit_code = 13


class RehearsalFailed(OmaticError):
    """The virtual machine showed a lost packet, a kernel warning or an unclean unload."""

    exit_code = 14


class Busy(OmaticError):
    """Another pfq-omatic works on the same driver and kernel."""

    exit_code = 15


class CommandError(OmaticError):
    """A program that we ran failed for a reason no caller explained better."""

    exit_code = 16

    def __init__(self, argv: Sequence[str], returncode: int, output: str, log: Path | None) -> None:
        tail = output.strip().splitlines()[-12:]
        super().__init__(
            f"'{argv[0]}' failed with status {returncode}",
            hint=f"see {log}" if log else "run again with -v to see the command",
            details=tail,
        )
        self.argv = tuple(argv)
        self.returncode = returncode
        self.output = output
        self.log = log


class Unwritable(OmaticError):
    """A file or folder that we need may not be written or read."""

    exit_code = 17

    def __init__(self, where: Path | str, why: str) -> None:
        super().__init__(
            f"{where}: {why.lower()}",
            hint="run as a user who may write there, or choose another place with --cache-dir or PFQ_OMATIC_CACHE",
        )


class UnfitMachine(OmaticError):
    """doctor found something missing that build needs."""

    exit_code = 18


class InstallFailed(OmaticError):
    """The modules could not be put in place, or modprobe would not load them; the machine is as it was."""

    exit_code = 19


class SignatureRefused(OmaticError):
    """This kernel enforces signatures and would not load what would be installed; nothing was changed."""

    exit_code = 20


class UnsafeSwap(OmaticError):
    """Swapping the running driver now would cut off a session or what depends on it; nothing was changed."""

    exit_code = 21


class SwapFailed(OmaticError):
    """The running driver could not be swapped; the stock driver has been put back."""

    exit_code = 22


class DkmsFailed(OmaticError):
    """dkms refused, or could not build."""

    exit_code = 23


class Unfinished(OmaticError):
    """An earlier operation on this machine was cut short and must be finished first."""

    exit_code = 24


class NotInstalled(OmaticError):
    """What should be removed, loaded or confirmed is not there."""

    exit_code = 25


class SeveralFailed(OmaticError):
    """Several of the drivers asked for failed, the others are done.

    Where they all failed alike it has their exit code, and its own where they did not.
    """

    exit_code = 26

    def __init__(self, message: str, *, hint: str, details: Sequence[str], exit_codes: Iterable[int]) -> None:
        super().__init__(message, hint=hint, details=details)
        alike = set(exit_codes)
        if len(alike) == 1:
            (self.exit_code,) = alike


HOPELESS = (KernelMissing, ToolMissing, DiskFull, Unwritable)
"""What will fail for the next driver, too: there is no point in going on."""


def several(failed: Mapping[str, OmaticError]) -> OmaticError:
    """Return one error for those of several drivers, by name, in the order in which they failed."""
    first = next(iter(failed.values()))
    if len(failed) == 1:
        return first
    return SeveralFailed(
        f"{len(failed)} drivers failed: {', '.join(failed)}",
        hint=first.hint,
        details=[line for name, error in failed.items() for line in (f"{name}: {error.message}", *error.details[:3])],
        exit_codes=[error.exit_code for error in failed.values()],
    )


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. Not a KeyboardInterrupt, which command line libraries swallow with a word of their own."""


INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM: what was half done has been removed."""
