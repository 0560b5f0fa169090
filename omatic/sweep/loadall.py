# SPDX-License-Identifier: GPL-2.0-or-later
"""Load every accelerated driver in virtual machines, stock module first, and write down whether ours does as well.

A result is kept after each driver; what passed and has not changed since is not tried again.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from omatic import clients, core, kernel, log, pipeline, state
from omatic.core import Core
from omatic.dirs import Cache, sha256, write_atomically
from omatic.errors import RehearsalFailed
from omatic.lab import kmsg, loading, qemu, tools
from omatic.lab.loading import Round, Seen
from omatic.lab.nic import NICS
from omatic.lab.rehearse import Rehearsal, rehearse
from omatic.model import KernelTarget, StockKernel, StockModule
from omatic.pipeline import Settings
from omatic.sweep import tasks
from omatic.sweep.loads import Loaded, LoadReport, Loads, by_driver
from omatic.sweep.subjects import Laboratory, Stockroom, Subject, accelerated
from omatic.sweep.tasks import Scope

FRAMES = 10_000
_WITHOUT_NIC = "veth"
"""It has its peer for a link."""


def place(cache: Cache, target: KernelTarget, scope: Scope) -> Path:
    """Return the file of the report."""
    return cache.root / "sweeps" / f"{target.place}-{scope.value}-loads.json"


def every(scope: Scope, settings: Settings, *, traffic: bool) -> LoadReport:
    """Load every driver of a scope that a sweep has built; `traffic` rehearses those that have an emulated NIC, too."""
    target = kernel.discover(settings.kernel, root=settings.sysroot)
    shipped = pipeline.stock_kernel(target, settings)
    wanted = [task.module for task in tasks.tasks(shipped, scope)]
    found = {module.name: accelerated(module, target, settings.cache) for module in wanted}
    built = [(module, found[module.name][0]) for module in wanted if not found[module.name][1]]
    missing = {
        module.name: Loaded(module.name, str(module.intree), Loads.MISSING, differences=(found[module.name][1],))
        for module in wanted
        if found[module.name][1]
    }
    names = [module.name for module in wanted]
    run = _Run(settings, target, shipped, scope.value, names, missing, place(settings.cache, target, scope), traffic)
    return run.run(built, _kept(place(settings.cache, target, each) for each in (*(Scope), scope)))


def named(drivers: Sequence[str], settings: Settings) -> LoadReport:
    """Build and prove these drivers where something changed, then load those of their modules that deliver packets."""
    target = kernel.discover(settings.kernel, root=settings.sysroot)
    outcomes = list(pipeline.build(drivers, replace(settings, output=None)))
    pipeline.refuse_unproven(outcomes)
    built = {o.choice.module.name: (o.choice.module, o.module) for o in outcomes if o.plan.rewritten}
    run = _Run(settings, target, pipeline.stock_kernel(target, settings), "named", list(built))
    return run.run(list(built.values()))


@dataclass(slots=True)
class _Run:
    """One run over many drivers: `results` by name, `path` where they are kept if they are."""

    settings: Settings
    target: KernelTarget
    shipped: StockKernel
    scope: str
    wanted: Sequence[str]
    results: dict[str, Loaded] = field(default_factory=dict)
    path: Path | None = None
    traffic: bool = False
    machines: int = 0

    def run(
        self, built: Sequence[tuple[StockModule, Path]], kept: Mapping[str, Loaded] = MappingProxyType({})
    ) -> LoadReport:
        """Try everything that has not passed before, by the results that were kept, and return the report."""
        hook = core.build(self.target, self.settings.cache, self.settings.jobs)
        laboratory = self._laboratory()
        about = self._about(laboratory, hook)
        digests = {module.name: sha256(path) for module, path in built}
        keys = {name: state.digest(about, name, digest)[:24] for name, digest in digests.items()}
        passed = {name: kept[name] for name in keys if name in kept and kept[name].key == keys[name]}
        self.results |= {name: result for name, result in passed.items() if result.state is Loads.ALIKE}
        rest = [(module, path) for module, path in built if module.name not in self.results]
        room = Stockroom(self.shipped, hook) if rest or self.traffic else None
        text = f"{len(self.wanted)} drivers of {self.target.release} in QEMU {laboratory.qemu.version}"
        with log.counting(text, len(self.wanted), len(self.results)) as show:

            def _done(result: Loaded) -> None:
                name = result.driver
                self.results[name] = replace(result, key=keys[name], sha256=digests[name])
                self._write(about)
                show.end(line(result))

            if room is not None:
                for batch in room.batches([room.subject(*each) for each in rest]):
                    self._batch(batch, room, laboratory, show, _done)
        self._write(about)
        if self.traffic and room is not None:
            for module, path in built:
                self._rehearse(room.subject(module, path), laboratory, hook)
                self._write(about)
        return self._report(about)

    def _laboratory(self) -> Laboratory:
        if self.shipped.image is None:
            raise RehearsalFailed(
                f"the boot image of kernel {self.target.release} is not on this machine",
                hint=f"apt-get install linux-image-{self.target.release}",
            )
        emulator = qemu.find()
        nics = tuple(nic for nic in NICS if emulator.emulates(nic.model))
        return Laboratory(emulator, nics, self.shipped.image, tools.labtool(self._work))

    @property
    def _work(self) -> Path:
        return self.settings.cache.root / "loads" / f"{self.target.place}-{self.scope}"

    def _about(self, laboratory: Laboratory, hook: Core) -> Mapping[str, str]:
        package = self.target.package
        return {
            "package": f"{package.name} {package.version}" if package else "none",
            "qemu": laboratory.qemu.version,
            "emulated": " ".join(sorted(nic.model for nic in laboratory.nics)),
            "pfq_hook": sha256(hook.hook)[:16],
            "laboratory": _laboratory_digest(),
        }

    def _report(self, about: Mapping[str, str]) -> LoadReport:
        found = tuple(self.results[name] for name in self.wanted if name in self.results)
        return LoadReport(self.target.release, self.scope, about, len(self.wanted), found)

    def _write(self, about: Mapping[str, str]) -> None:
        if self.path is not None:
            write_atomically(self.path, json.dumps(self._report(about).to_json(), indent=1).encode())

    # --- in the machines

    def _batch(
        self,
        batch: Sequence[Subject],
        room: Stockroom,
        laboratory: Laboratory,
        show: log.Counting,
        done: Callable[[Loaded], None],
    ) -> None:
        pairs = [(subject, each) for subject in batch for each in (subject.stock, subject.accelerated)]
        seen: dict[Round, tuple[Seen, Path]] = {}
        since = time.monotonic()
        while pairs:
            logs = self._logs()
            setup = room.setup(list(dict.fromkeys(subject for subject, _ in pairs)), laboratory, logs)
            show.begin(pairs[0][0].name)
            for each, given in loading.play(setup, [each for _, each in pairs]):
                subject, _ = pairs.pop(0)
                seen[each] = (given, logs)
                if each.accelerated:
                    result = judge(subject, seen[subject.stock][0], given, logs)
                    if result.state is Loads.DIFFERS:
                        result = self._alone(subject, room, laboratory)
                    done(replace(result, seconds=round(time.monotonic() - since, 1)))
                    since = time.monotonic()
                    if pairs:
                        show.begin(pairs[0][0].name)

    def _alone(self, subject: Subject, room: Stockroom, laboratory: Laboratory) -> Loaded:
        """Play both rounds again, each in a guest that nothing has been in before: that is what counts."""
        stocked, _ = self._once(subject, subject.stock, room, laboratory)
        ours, logs = self._once(subject, subject.accelerated, room, laboratory)
        return replace(judge(subject, stocked, ours, logs), alone=True)

    def _once(self, subject: Subject, each: Round, room: Stockroom, laboratory: Laboratory) -> tuple[Seen, Path]:
        logs = self._logs()
        ((_, given),) = loading.play(room.setup([subject], laboratory, logs), [each])
        return given, logs

    def _logs(self) -> Path:
        self.machines += 1
        return self._work / "logs" / str(self.machines)

    def _rehearse(self, subject: Subject, laboratory: Laboratory, hook: Core) -> None:
        result = self.results.get(subject.name)
        if result is None or result.state is not Loads.ALIKE:
            return
        before = {verdict["driver"]: verdict for verdict in result.traffic if verdict["passed"]}
        verdicts = []
        drivers = [nic.driver for nic in laboratory.nics_of([subject])]
        for name in (*drivers, *(name for name in subject.family if name == _WITHOUT_NIC)):
            if name not in before:
                verdict = rehearse(self._rehearsal(name, subject, hook)).to_json()
                before[name] = verdict
                log.info(f"{name}: {'rehearsed' if verdict['passed'] else 'rehearsal failed'}")
            verdicts.append(before[name])
        self.results[subject.name] = replace(result, traffic=tuple(verdicts))

    def _rehearsal(self, driver: str, subject: Subject, hook: Core) -> Rehearsal:
        assert self.shipped.image is not None
        return Rehearsal(
            driver=driver,
            kernel=self.shipped.image,
            modules=self.shipped.modules,
            work=self._work / driver,
            replacements={subject.name: subject.built},
            hook=hook.hook,
            core=hook.core,
            capture=clients.capture(self.settings.cache),
            frames=FRAMES,
        )


def judge(subject: Subject, stocked: Seen, ours: Seen, logs: Path) -> Loaded:
    """Compare the two rounds of a driver."""
    wrong = loading.differences(stocked, ours)
    died = [f"the machine died: {stocked.died}"] if stocked.died else []
    return Loaded(
        driver=subject.name,
        intree=str(subject.module.intree),
        state=Loads.DIFFERS if wrong else Loads.ALIKE,
        modules=subject.accelerated.modules,
        dependents=subject.dependents,
        answers=(*died, *(str(answer) for answer in stocked.answers if answer.errno)),
        said=_texts(each for each in stocked.lines if loading.loud(each)),
        lines=_texts(each for each in loading.fresh_lines(stocked, ours) if not loading.loud(each)),
        differences=wrong,
        log=str(logs),
    )


def _texts(lines: Iterable[kmsg.Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.text for line in lines))


def line(result: Loaded) -> str:
    """Return what is said of one driver when it is done."""
    count = len(result.modules)
    said = f"{count} module{'s' * (count != 1)}"
    if result.answers:
        said += f", {len(result.answers)} answer{'s' * (len(result.answers) != 1)} other than 0, as stock"
    if result.differences:
        said = "; ".join(result.differences[:3])
    return f"{result.driver}: {result.state.value}: {said} ({result.seconds:.0f} s)"


def _kept(paths: Iterable[Path]) -> dict[str, Loaded]:
    """Return the results in these files, those of the later ones before those of the earlier."""
    found: dict[str, Loaded] = {}
    for path in paths:
        # Whatever cannot be read was not kept.
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            results = LoadReport.from_json(json.loads(path.read_text())).results
            found |= by_driver(result for result in results if result.state is not Loads.MISSING)
    return found


def _laboratory_digest() -> str:
    folder = Path(loading.__file__).parent
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return state.digest(*((path.name, path.read_text()) for path in files))[:16]
