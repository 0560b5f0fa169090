# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sweep does, in which order, what is kept when it is cut short, and what becomes of failures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omatic import core, errors, kernel, pipeline, sysroot
from omatic.catalog import Choice
from omatic.core import Core
from omatic.dirs import Cache
from omatic.errors import BuildFailed, DiskFull, OmaticError, PlanRefused, SourceNotFound
from omatic.fetch import SourceTree
from omatic.model import KernelTarget, StockKernel
from omatic.modinfo import Symvers
from omatic.pipeline import Outcome, Selection, Settings
from omatic.sweep import record, run, show, tasks
from omatic.sweep.result import Disagreement, Report, Result, State
from omatic.sweep.tasks import Scope
from tests import toys

NIC = Path("drivers/net/ethernet/toys")


@pytest.fixture
def stock(tmp_path: Path) -> StockKernel:
    """A kernel with two NICs, one of which delivers through a library, and devices beyond Ethernet."""
    folder = tmp_path / "lib/modules/6.1.0-1-toy"
    for path, imports, depends in (
        (NIC / "small.ko", ("netif_rx",), ""),
        (NIC / "large.ko", ("napi_gro_receive", "netif_rx"), ""),
        (NIC / "idle.ko", (), ""),
        (NIC / "thin.ko", ("lib_rx",), "lib"),
        (NIC / "thinner.ko", ("thin_rx", "lib_rx"), "thin,lib"),
        (Path("drivers/net/usb/lib.ko"), ("netif_receive_skb",), ""),
        (Path("drivers/net/tunnel.ko"), ("gro_cells_receive", "netif_rx"), ""),
        (Path("drivers/net/inner.ko"), ("gro_cells_receive",), ""),
    ):
        toys.module(folder / "kernel" / path, imports, depends=depends)
    with (folder / "kernel" / NIC / "large.ko").open("ab") as file:
        file.write(b"\0" * 100_000)
    return StockKernel(folder, None, "installed")


@pytest.fixture
def symvers(tmp_path: Path) -> Path:
    """Who exports what in that kernel."""
    path = tmp_path / "Module.symvers"
    exports = {
        "lib_rx": "drivers/net/usb/lib",
        "thin_rx": "drivers/net/ethernet/toys/thin",
        "gro_cells_receive": "vmlinux",
        "netif_rx": "vmlinux",
    }
    path.write_text("".join(f"0x00000001\t{name}\t{module}\tEXPORT_SYMBOL\t\n" for name, module in exports.items()))
    return path


def test_tasks_are_those_that_deliver_the_smallest_first(stock: StockKernel) -> None:
    """By scope; a module that imports no delivery function is no task."""
    assert [task.module.name for task in tasks.tasks(stock, Scope.ETHERNET)] == ["small", "large"]
    everything = {task.module.name: task for task in tasks.tasks(stock, Scope.NET)}
    assert everything.keys() == {"small", "large", "lib", "tunnel"}
    assert everything["tunnel"].aside == ("gro_cells_receive",)
    assert everything["large"].symbols == ("napi_gro_receive", "netif_rx")


def test_who_delivers_through_whom(stock: StockKernel, symvers: Path) -> None:
    """Through a module, through a chain of them, through the kernel; what passes no packets on is not there."""
    found = {each.module.name: each for each in tasks.through(stock, Scope.NET, Symvers.load([symvers]))}
    assert {name: each.deliverers for name, each in found.items()} == {
        "thin": ("lib",),
        "thinner": ("lib",),
        "inner": ("vmlinux",),
    }
    assert found["thinner"].calls == {"lib": ("lib_rx",), "thin": ("thin_rx",)}
    assert found["inner"].calls == {"vmlinux": ("gro_cells_receive",)}


# --- carrying it out


@pytest.fixture
def swept(
    stock: StockKernel, symvers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Report, list[str]]]:
    """Run a sweep in which `fates` says which drivers fail; return the report and what was tried."""
    build = tmp_path / "build"
    build.mkdir()
    (build / ".config").write_text("")
    target = KernelTarget("6.1.0-1-toy", build, {}, symvers, "gcc", None)
    monkeypatch.setattr(kernel, "discover", lambda _release, root: replace(target, root=root))
    monkeypatch.setattr(pipeline, "stock_kernel", lambda _target, _settings: stock)
    monkeypatch.setattr(core, "build", lambda *_: Core(symvers, symvers, symvers))

    def select(names: list[str], _settings: Settings) -> Selection:
        by_name = {task.module.name: task.module for task in tasks.tasks(stock, Scope.NET)}
        choices = tuple(Choice(name, by_name[name]) for name in names)
        return Selection(target, stock, choices, SourceTree(tmp_path, "toys", True))

    monkeypatch.setattr(pipeline, "select", select)

    def go(
        fates: dict[str, BaseException], scope: Scope = Scope.NET, root: Path = sysroot.HERE
    ) -> tuple[Report, list[str]]:
        tried: list[str] = []

        def build_one(choice: Choice, *_: object) -> Outcome:
            tried.append(choice.module.name)
            raise fates.get(choice.module.name) or PlanRefused("no reason", hint="none", details=["a.c:1"])

        monkeypatch.setattr(pipeline, "build_one", build_one)
        settings = Settings(Cache(tmp_path / "cache"), sysroot=root)
        return run.run(scope, settings), tried

    return go


def test_one_failure_does_not_stop_the_others(swept: Callable[..., tuple[Report, list[str]]]) -> None:
    """Whatever becomes of a driver is written down, a mistake of ours included."""
    fates = {"small": BuildFailed("gcc said no", hint="see the log", details=["x.c:7: bad"]), "lib": KeyError("oops")}
    report, tried = swept(fates)
    assert report.complete and len(tried) == 4
    found = {result.driver: result for result in report.results}
    assert (found["small"].state, found["small"].exit_code, found["small"].details) == (
        State.FAILED, 12, ("x.c:7: bad",),
    )  # fmt: skip
    assert (found["large"].state, found["large"].exit_code) == (State.REFUSED, 7)
    assert (found["lib"].exit_code, found["lib"].reason) == (1, "internal error: KeyError: 'oops'")
    assert report.counts == {"built": 0, "not proven": 0, "refused": 2, "failed": 2}
    assert {each["driver"] for each in report.through} == {"thin", "thinner", "inner"}


def test_below_another_root(swept: Callable[..., tuple[Report, list[str]]], tmp_path: Path) -> None:
    """The same release below another root is another kernel, with a report of its own."""
    with pytest.raises(DiskFull):
        swept({"large": DiskFull(tmp_path)})
    _, tried = swept({}, root=tmp_path / "root")
    assert len(tried) == 4
    names = sorted(path.name.split("@")[0] for path in (tmp_path / "cache/sweeps").glob("*.json"))
    assert names == ["6.1.0-1-toy", "6.1.0-1-toy-net.json"]


def test_sources_that_lack_a_driver(
    swept: Callable[..., tuple[Report, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor's tree has not all of the kernel's drivers: those that it lacks fail, the others are tried."""
    every = pipeline.select

    def select(names: list[str], settings: Settings) -> Selection:
        if "lib" in names:
            raise SourceNotFound("the tree has no drivers/net/usb", hint="give another")
        return every(names, settings)

    monkeypatch.setattr(pipeline, "select", select)
    report, tried = swept({})
    assert len(tried) == 3 and report.complete
    assert {result.driver: result.exit_code for result in report.results}["lib"] == SourceNotFound.exit_code


def test_what_would_stop_all_of_them_stops_the_sweep(swept: Callable[..., tuple[Report, list[str]]]) -> None:
    """A full disk is no driver's fault; what was done before is kept, and gone on with."""
    order = swept({})[1]
    with pytest.raises(DiskFull):
        swept({order[2]: DiskFull("/cache")})
    report, tried = swept({})
    assert tried == order[2:]
    assert [result.driver for result in report.results] == order


def test_a_sweep_that_was_killed_goes_on(swept: Callable[..., tuple[Report, list[str]]]) -> None:
    """Ctrl-C in the middle of a driver: that driver is done anew, those before it are not."""
    order = swept({})[1]
    with pytest.raises(errors.Interrupted):
        swept({order[1]: errors.Interrupted()})
    assert swept({})[1] == order[1:]
    # One that came to its end is made anew: what has failed may work now.
    assert swept({})[1] == order


def test_another_scope_is_another_sweep(swept: Callable[..., tuple[Report, list[str]]]) -> None:
    """Each scope has its own report."""
    with pytest.raises(errors.Interrupted):
        swept({"large": errors.Interrupted()})
    assert swept({}, Scope.ETHERNET)[1] == ["small", "large"]


def test_a_proof_that_fails_is_not_silent() -> None:
    """What is delivered all the same is named in the table and in the last line."""
    result = Result("toy", "drivers/net/toy.ko", ("netif_rx",), State.BUILT, 1.5, sites={"call": 1}, relocations=1)
    doubtful = replace(result, driver="odd", checks={"provenance": "fail", "minimality": "pass", "abi": "skip"})
    good = replace(result, checks={"provenance": "pass"})
    text = show.report(Report("6.1", "net", {}, 2, (good, doubtful), ()))
    assert "failed: provenance" in text
    assert text.splitlines()[-1] == "2 drivers of 6.1: 2 built, with proofs that fail: odd"


def test_the_report_survives_as_json(tmp_path: Path) -> None:
    """What is read back is what was written, and nothing damaged or made otherwise is gone on with."""
    result = Result("toy", "drivers/net/toy.ko", ("netif_rx",), State.BUILT, 1.5, sites={"call": 2}, opinions=("a",))
    result = replace(result, disagreements=(Disagreement("spatch", "header", "a.h:1", True),))
    empty = Report("6.1", "net", {"compiler": "gcc 12"}, 2, (), ({"driver": "x", "through": ["y"]},))
    begun = replace(empty, results=(result,))
    path = tmp_path / "report.json"
    record.write(path, begun)
    assert record.unfinished(path, empty) == begun
    for other in (replace(empty, about={"compiler": "gcc 14"}), replace(empty, drivers=3), replace(empty, kernel="7")):
        assert record.unfinished(path, other) == other
    record.write(path, replace(begun, results=(result, replace(result, driver="toy2"))))
    assert record.unfinished(path, empty) == empty
    path.write_text("{}")
    assert record.unfinished(path, empty) == empty


# --- several drivers that are named


def test_build_goes_on_after_a_failure(
    stock: StockKernel, symvers: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The others are built; then the failure is raised, with its own exit code, or the first's if there are several."""
    modules = {task.module.name: task.module for task in tasks.tasks(stock, Scope.NET)}
    target = KernelTarget("6.1.0-1-toy", tmp_path, {}, symvers, "gcc", None)

    def select(names: list[str], _settings: Settings) -> Selection:
        choices = tuple(Choice(name, modules[name]) for name in names)
        return Selection(target, stock, choices, SourceTree(tmp_path, "toys", True))

    fates: dict[str, OmaticError] = {"small": BuildFailed("no", hint="log"), "lib": PlanRefused("why", hint="rule")}

    def build_one(choice: Choice, *_: object) -> str:
        if choice.module.name in fates:
            raise fates[choice.module.name]
        return choice.module.name

    monkeypatch.setattr(core, "build", lambda *_: Core(symvers, symvers, symvers))
    monkeypatch.setattr(pipeline, "select", select)
    monkeypatch.setattr(pipeline, "build_one", build_one)
    done: list[object] = []
    running = pipeline.build(["small", "large"], Settings(Cache(tmp_path)))
    done.append(next(running))
    with pytest.raises(BuildFailed, match="no"):
        next(running)
    assert done == ["large"]
    with pytest.raises(errors.SeveralFailed) as several:
        list(pipeline.build(["lib", "large", "small"], Settings(Cache(tmp_path))))
    assert several.value.exit_code == errors.SeveralFailed.exit_code
    assert several.value.details == ("lib: why", "small: no")
    fates["lib"] = BuildFailed("no more", hint="log")
    with pytest.raises(errors.SeveralFailed) as alike:
        list(pipeline.build(["lib", "large", "small"], Settings(Cache(tmp_path))))
    assert alike.value.exit_code == BuildFailed.exit_code
    fates["lib"] = DiskFull(tmp_path)
    with pytest.raises(DiskFull):
        list(pipeline.build(["lib", "large"], Settings(Cache(tmp_path))))
