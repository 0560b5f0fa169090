# SPDX-License-Identifier: GPL-2.0-or-later
"""The one user of GitPython: source trees fetched with git, and the work tree kept as a git repository.

A work tree has two commits: `vanilla` (the sources as fetched) and `accelerated` (the rewrite), each under a branch of
that name. Changes that somebody made by hand in the work tree become a commit between the two, named `local`.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from git import GitCommandError, Repo
from git.exc import GitError

from omatic import log
from omatic.errors import DiskFull, PlanRefused, SourceCorrupt, SourceNotFound, SourceUnreachable

VANILLA = "vanilla"
LOCAL = "local"
ACCELERATED = "accelerated"
_IDENTITY = ("-c", "user.name=pfq-omatic", "-c", "user.email=pfq-omatic@localhost")
# No prompt for a password: a URL that needs one is an error, not a question in the middle of a build.
_UNATTENDED = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "LC_ALL": "C"}
_ANSWERS = 30
"""Seconds that a server may take to name a commit."""


class WorkTree:
    """The git repository that holds one unit's sources before and after the rewrite."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._repo = Repo(root)

    @classmethod
    def create(cls, root: Path, message: str) -> "WorkTree":
        """Make a repository of the files in `root` with everything committed on branch vanilla."""
        repo = Repo.init(root, initial_branch=VANILLA)
        # The user's own git configuration (hooks, signing, line endings) must not reach our sources.
        with repo.config_writer() as config:
            for section, option, value in (
                ("core", "hooksPath", os.devnull),
                ("core", "autocrlf", "false"),
                ("core", "excludesFile", os.devnull),
                ("commit", "gpgSign", "false"),
                ("gc", "auto", "0"),
            ):
                config.set_value(section, option, value)
        (root / ".git/info/exclude").write_text(_BUILD_PRODUCTS)
        tree = cls(root)
        tree.commit(message)
        return tree

    @classmethod
    def open(cls, root: Path) -> "WorkTree | None":
        """Open an existing work tree; None if there is none or it is damaged."""
        try:
            tree = cls(root)
            tree._repo.commit(VANILLA)
            tree._run("status", "--porcelain")
        except (GitError, ValueError, TypeError, IndexError, AssertionError, OSError):
            return None
        return tree

    def commit(self, message: str) -> str:
        """Commit everything in the tree on the current branch; return the commit's name."""
        self._git("add", "--all")
        self._git(*_IDENTITY, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", message)
        return str(self._repo.head.commit.hexsha)

    def has(self, branch: str) -> bool:
        """Tell whether a branch exists."""
        return any(head.name == branch for head in self._repo.heads)

    def changed(self) -> tuple[str, ...]:
        """Return the tracked files that differ from the current branch: somebody changed them by hand."""
        return tuple(self._git("diff", "--name-only", "HEAD").splitlines())

    @contextmanager
    def mutating(self) -> Iterator[None]:
        """Mark the tree as being changed by us; the mark survives whatever ends the block early."""
        self._mark.touch()
        yield
        self._mark.unlink()

    def recover(self) -> None:
        """Undo what an interrupted run of ours left in the tree, so that it is not taken for somebody's change."""
        # The caller holds the unit's lock, so no git of ours is running.
        (self.root / ".git/index.lock").unlink(missing_ok=True)
        if self._mark.exists():
            self._git("reset", "--quiet", "--hard")
            self._mark.unlink()

    def keep_local_changes(self) -> str | None:
        """Carry changes made by hand over to branch local, on top of vanilla; return their description or None.

        They may have been made before or after the rewrite; git moves them, and refuses where they overlap with it.
        Files that were deleted come back: without them nothing builds.
        """
        if deleted := self._git("ls-files", "--deleted").splitlines():
            self._git("checkout", "--quiet", "--", *deleted)
        changed = self.changed()
        if not changed:
            return None
        home, at = self._git("symbolic-ref", "HEAD").strip(), self._git("rev-parse", "HEAD").strip()
        base = self.base()
        # On no branch, so that committing what was found moves none.
        self._git("checkout", "--quiet", "--detach")
        found = self.commit("local: changes found in the work tree\n\n" + "\n".join(changed))
        self._git("checkout", "--quiet", "-B", LOCAL, base)
        try:
            self._run(*_IDENTITY, "cherry-pick", "--allow-empty", "--keep-redundant-commits", found)
        except GitCommandError as error:
            self._git("cherry-pick", "--abort")
            self._git("checkout", "--quiet", "--detach", found)
            self._git("reset", "--quiet", "--mixed", at)
            self._git("symbolic-ref", "HEAD", home)
            if base == VANILLA:
                self._git("branch", "--quiet", "-D", LOCAL)
            raise PlanRefused(
                f"the changes made by hand in {self.root} overlap with the rewrite",
                hint=f"undo them with: git -C {self.root} checkout -- .",
                details=changed,
            ) from error
        return ", ".join(changed)

    def changed_by_hand(self) -> tuple[str, ...]:
        """Return the files in which the base differs from the vanilla sources."""
        return tuple(self._git("diff", "--name-only", VANILLA, self.base()).splitlines())

    def base(self) -> str:
        """Return the branch that the rewrite starts from: local if there are changes made by hand, else vanilla."""
        return LOCAL if self.has(LOCAL) else VANILLA

    def check_out(self, branch: str, *, start: str | None = None) -> None:
        """Put a branch into the tree, exactly; with `start` the branch is made anew there."""
        create = ["-B", branch, start] if start else [branch]
        with self.mutating():
            self._git("checkout", "--quiet", "--force", *create)

    def show(self, branch: str) -> None:
        """Put a branch into the tree unless it is there already; unchanged files keep their times."""
        if self._repo.head.is_detached or self._repo.active_branch.name != branch:
            self.check_out(branch)

    def clean(self) -> None:
        """Remove what builds left in the tree, and nothing that somebody put there."""
        self._git("clean", "--quiet", "--force", "-d", "-X")

    def files(self) -> tuple[str, ...]:
        """Return the tracked files, by path."""
        return tuple(filter(None, self._git("ls-files", "-z").split("\0")))

    def holds(self, branch: str, path: str) -> bool:
        """Tell whether a branch has a file."""
        return bool(self._git("ls-tree", "--name-only", branch, "--", path))

    def save(self, why: str) -> None:
        """Keep the tree under another name if somebody has been working in it; `why` says what takes its place."""
        self.recover()
        if self.changed() or self.changed_by_hand():
            number = 1 + len(list(self.root.parent.glob("tree.saved-*")))
            saved = self.root.with_name(f"tree.saved-{number}")
            self.root.rename(saved)
            log.warn(f"{why}; the tree with changes made by hand is kept as {saved}")

    def content(self, branch: str, path: str) -> bytes:
        """Return a file's content in a branch."""
        return bytes((self._repo.commit(branch).tree / path).data_stream.read())

    def commit_name(self, branch: str) -> str:
        """Return the full name of a branch's commit."""
        return str(self._repo.commit(branch).hexsha)

    def tree_name(self, branch: str) -> str:
        """Return the git name of a branch's content: equal content, equal name."""
        return str(self._repo.commit(branch).tree.hexsha)

    def diff(self, old: str, new: str, paths: Iterable[str] = ()) -> str:
        """Return the difference between two branches as a patch."""
        return self._git("diff", "--no-color", old, new, "--", *paths)

    @property
    def _mark(self) -> Path:
        return self.root / ".git/pfq-omatic-busy"

    def _run(self, *args: str) -> str:
        return str(self._repo.git.execute(["git", *args], strip_newline_in_stdout=False))

    def _git(self, *args: str) -> str:
        try:
            return self._run(*args)
        except GitCommandError as error:
            if "No space left" in str(error.stderr):
                raise DiskFull(self.root) from error
            raise SourceCorrupt(
                f"git cannot work with {self.root}",
                hint=f"rm -r {self.root.parent} and run again; it is made anew",
                details=str(error.stderr).strip().splitlines()[-3:],
            ) from error


_BUILD_PRODUCTS = "\n".join(
    ("*.o", "*.ko", "*.mod", "*.mod.c", ".*.cmd", ".*.d", "*.a", "*.dwo", "modules.order", "Module.symvers",
     ".module-common.c", ".module-common.o", ".Module.symvers.cmd", ".modules.order.cmd", "")
)  # fmt: skip


def clone(url: str, ref: str | None, into: Path) -> tuple[str, str]:
    """Clone the history-less tree of `ref` (None: the default branch) without files; return (ref, commit).

    Blobs come later, only for the paths that are asked for, where the server can do that.
    """
    if ref is not None and not re.fullmatch(r"[\w./+-]+", ref):
        raise SourceNotFound(f"{ref!r} is not the name of a branch, tag or commit", hint="--source URL@REF")
    try:
        if ref is not None and re.fullmatch(r"[0-9a-f]{40}", ref):
            repo = Repo.init(into)
            repo.git.update_environment(**_UNATTENDED)
            repo.git.execute(["git", "fetch", "--quiet", "--depth=1", "--filter=blob:none", "--", url, ref])
            repo.git.execute(["git", "update-ref", "HEAD", "FETCH_HEAD"])
            repo.git.execute(["git", "remote", "add", "origin", "--", url])
            return ref, ref
        options = ["--no-checkout", "--filter=blob:none", "--depth=1", *([f"--branch={ref}"] if ref else [])]
        repo = Repo.clone_from(url, into, multi_options=options, env=_UNATTENDED, allow_unsafe_protocols=False)
    except GitCommandError as error:
        raise _explain_clone(url, ref, error) from error
    except (GitError, ValueError) as error:
        raise SourceNotFound(
            f"{url} is not a git URL that can be used", hint="check it", details=[str(error)]
        ) from error
    return ref or repo.head.ref.name, str(repo.head.commit.hexsha)


def newest(root: Path) -> str | None:
    """Return the commit that the branch of a clone has at its origin now.

    None for a tag, which stays where it is, and, with a warning, where the origin does not answer.
    """
    with Repo(root) as repo:
        if repo.head.is_detached:
            return None
        branch = repo.head.ref.name
        repo.git.update_environment(**_UNATTENDED)
        try:
            told = repo.git.execute(
                ["git", "ls-remote", "--exit-code", "origin", f"refs/heads/{branch}"], kill_after_timeout=_ANSWERS
            )
        except GitCommandError:
            log.warn(f"{repo.remotes.origin.url} does not say whether {branch} has moved; taking it from the cache")
            return None
        return str(told).split()[0]


def listing(root: Path) -> tuple[str, ...]:
    """Return the paths of all files of a clone's commit."""
    return tuple(Repo(root).git.ls_tree("-r", "--name-only", "--full-tree", "-z", "HEAD").split("\0"))


def published(folder: Path) -> tuple[str, tuple[str, ...]] | None:
    """Return the commit of the repository that a folder belongs to, and the folder's files that differ from it.

    None if the folder belongs to none, or lies in one that knows nothing of it.
    """
    try:
        with Repo(folder, search_parent_directories=True) as repo:
            inside = ("-C", str(folder))
            if not repo.git.execute(["git", *inside, "ls-files", "--cached", "--", "."]):
                return None
            changed = repo.git.execute(["git", *inside, "diff", "--name-only", "--relative", "HEAD", "--", "."])
            others = repo.git.execute(["git", *inside, "ls-files", "--others", "--exclude-standard", "--", "."])
            return str(repo.head.commit.hexsha), tuple(f"{changed}\n{others}".split())
    except (GitError, ValueError, OSError):
        return None


def take(root: Path, paths: Iterable[str], *, offline: bool) -> None:
    """Put the given files of a clone's commit into its folder, fetching what is missing unless `offline`."""
    never = ["-c", "protocol.allow=never"] if offline else []
    command = ["git", *never, "checkout", "--quiet", "HEAD", "--pathspec-from-file=-", "--pathspec-file-nul"]
    with tempfile.TemporaryFile() as wanted:
        wanted.write("\0".join(paths).encode())
        wanted.seek(0)
        try:
            Repo(root).git.execute(command, istream=wanted)
        except GitCommandError as error:
            raise SourceUnreachable(
                f"files of the clone in {root} could not be fetched",
                hint="run once without --offline" if offline else "check the network and try again",
                details=str(error.stderr).strip().splitlines()[-3:],
            ) from error


def _explain_clone(url: str, ref: str | None, error: GitCommandError) -> SourceNotFound | SourceUnreachable:
    said = str(error.stderr)
    tail = [line for line in said.replace("stderr:", "").strip().splitlines() if line.strip()][-3:]
    if "Remote branch" in said or "couldn't find remote ref" in said or "not our ref" in said:
        return SourceNotFound(
            f"{url} has no branch or tag {ref}", hint="give an existing one: --source URL@REF", details=tail
        )
    if any(text in said for text in ("resolve host", "Could not connect", "unable to access", "timed out")):
        return SourceUnreachable(f"{url} cannot be reached", hint="check the network and the URL", details=tail)
    return SourceNotFound(f"{url} is not a git repository that can be read", hint="check the URL", details=tail)
