# SPDX-License-Identifier: GPL-2.0-or-later
"""The one place that runs programs.

Arguments are sequences, never shell strings; the environment is rebuilt from a short allow-list with a fixed
locale; standard input is closed; nothing depends on the current directory. Children get their own session, so that
Ctrl-C reaches us first and we end the whole group: no compiler outlives an interrupted build.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from omatic import log
from omatic.errors import CommandError, DiskFull, ToolMissing

Child: TypeAlias = "subprocess.Popen[bytes]"
"""A running program, as `background` yields it."""

_PASS_ENV = ("PATH", "HOME", "USER", "TMPDIR", "TERM", "LANGUAGE")
_PASS_PREFIXES = ("http_", "https_", "ftp_", "no_", "HTTP_", "HTTPS_", "NO_", "SSL_", "GIT_SSL", "DEB")
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

PACKAGES = {
    "apt-get": "apt",
    "qemu-system-x86_64": "qemu-system-x86",
    "objcopy": "binutils",
    "busybox": "busybox-static",
    "modinfo": "kmod",
    "xz": "xz-utils",
    "dpkg-source": "dpkg-dev",
    "spatch": "coccinelle",
    "rpm2cpio": "rpm",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
}
"""Which Debian package brings a program whose package has another name."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a finished program left: its status and what it said."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that children get: a short allow-list, sbin in PATH, locale C."""
    env = {k: v for k, v in os.environ.items() if k in _PASS_ENV or k.startswith(_PASS_PREFIXES)}
    path = env.get("PATH", "/usr/bin:/bin").split(":")
    env["PATH"] = ":".join(path + [d for d in _SBIN if d not in path])
    env["LC_ALL"] = "C.UTF-8"
    return {**env, **(extra or {})}


def find(tool: str) -> Path:
    """Return the path of a program, sbin included; raise ToolMissing naming its package."""
    found = shutil.which(tool, path=environment()["PATH"])
    if found is None:
        raise ToolMissing(tool, package=PACKAGES.get(tool))
    return Path(found)


def available(tool: str) -> bool:
    """Tell whether a program is installed."""
    return shutil.which(tool, path=environment()["PATH"]) is not None


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log_to: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    check: bool = True,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program to its end and return what it said.

    With `log_to` standard output and error are appended to that file (and returned together as `stdout`).
    A failure raises CommandError, or DiskFull when the program says that this was the reason; with `check=False`
    only the latter. A timeout, in seconds, ends the whole process group and counts as status 124.
    """
    args = tuple(os.fspath(a) for a in argv)
    merge = log_to is not None
    with _start(args, cwd=cwd, env=env, stdin=stdin is not None, merge=merge, pass_fds=pass_fds) as child:
        try:
            out, err = child.communicate(stdin.encode() if stdin is not None else None, timeout)
            status = child.returncode
        except subprocess.TimeoutExpired:
            _end_group(child)
            out, err = child.communicate()
            status = 124
    done = Completed(args, status, out.decode(errors="replace"), (err or b"").decode(errors="replace"))
    if log_to is not None:
        with log_to.open("a") as file:
            file.write(f"$ {log.shell(args)}\n{done.stdout}")
    if status != 0:
        _judge(done, log_to, check=check)
    return done


@contextlib.contextmanager
def reading(argv: Sequence[str | Path]) -> Iterator[IO[bytes]]:
    """Run a program and yield its standard output as a byte stream.

    If the stream was read to its end the program must have ended well; a caller may also stop early.
    """
    args = tuple(os.fspath(a) for a in argv)
    with _start(args) as child:
        assert child.stdout is not None
        yield child.stdout
        if not child.stdout.read(1):
            _finish(child, args)


def feed(argv: Sequence[str | Path], chunks: Iterable[bytes], *, cwd: Path | None = None) -> Completed:
    """Run a program with `chunks` as its standard input; the caller judges its status."""
    args = tuple(os.fspath(a) for a in argv)
    with tempfile.TemporaryFile() as said, _start(args, cwd=cwd, stdin=True, output=said) as child:
        assert child.stdin is not None
        # A program that has seen enough, or died, closes the pipe; its status and words tell which.
        with contextlib.suppress(BrokenPipeError):
            for chunk in chunks:
                child.stdin.write(chunk)
            child.stdin.close()
        status = child.wait()
        said.seek(0)
        done = Completed(args, status, said.read().decode(errors="replace"), "")
    if status != 0:
        _judge(done, None, check=False)
    return done


@contextlib.contextmanager
def background(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[Child]:
    """Keep a program running for the length of the block; its group is ended at the block's end."""
    args = tuple(os.fspath(a) for a in argv)
    find(args[0])
    log.debug(log.shell(args))
    with subprocess.Popen(
        args,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        env=environment(env),
        start_new_session=True,
        pass_fds=pass_fds,
    ) as child:
        try:
            yield child
        finally:
            _end_group(child)


@contextlib.contextmanager
def _start(
    args: tuple[str, ...],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bool = False,
    merge: bool = False,
    output: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[Child]:
    find(args[0])
    log.debug(log.shell(args) + (f"   (in {cwd})" if cwd else ""))
    with subprocess.Popen(
        args,
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.STDOUT if merge or output else subprocess.PIPE,
        start_new_session=True,
        pass_fds=pass_fds,
    ) as child:
        try:
            yield child
        finally:
            _end_group(child)


def _finish(child: Child, args: tuple[str, ...]) -> None:
    err = child.stderr.read() if child.stderr else b""
    status = child.wait()
    if status != 0:
        _judge(Completed(args, status, "", err.decode(errors="replace")), None, check=True)


def _end_group(child: Child) -> None:
    if child.poll() is not None:
        return
    for sig, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sig)
        try:
            child.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


def _judge(done: Completed, log_to: Path | None, *, check: bool) -> None:
    said = done.stdout + done.stderr
    if "No space left on device" in said:
        lines = [line for line in said.splitlines() if "No space left" in line][:3]
        raise DiskFull(f"the output of '{done.argv[0]}'", lines)
    if check:
        raise CommandError(done.argv, done.returncode, said, log_to)
