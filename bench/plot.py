# SPDX-License-Identifier: GPL-2.0-or-later
"""Put the figures of all benches together: docs/bench.json, and docs/bench.svg as a picture of the ratios; what
receiving costs is in docs/receive.svg.
"""

import json
from pathlib import Path

import jinja2
import latest
from measure import RESULTS

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
TITLES = {
    "planning": "Planning drivers, of the time of spatch on the same folders",
    "building": "build DRIVER with all proofs, of the time of a plain make",
}


RECEIVE = (
    ("rx.floor.xdp_drop", "XDP_DROP"),
    ("rx.floor.hook", "hook that frees at once"),
    ("rx.stock", "no capture, the stack drops"),
    ("rx.pfq.copy.1reader", "PFQ"),
    ("rx.pfq.copy.1reader.timer", "PFQ, timer"),
    ("rx.pfq.copy.4readers", "PFQ, 4 readers, a copy each"),
    ("rx.pfq.steer.4readers", "PFQ, steered to 4"),
    ("rx.pfq.steer.4readers.timer", "PFQ, steered to 4, timer"),
    ("rx.pfq.generic.1reader", "PFQ, generic capture"),
    ("rx.afxdp_copy.1reader", "AF_XDP copy"),
    ("rx.afxdp_copy.1reader.timer", "AF_XDP copy, timer"),
    ("rx.tpacket3.1reader", "TPACKET_V3"),
    ("rx.tpacket3.fanout4", "TPACKET_V3, fanout to 4"),
    ("rx.tpacket3.4readers", "TPACKET_V3, 4 readers, a copy each"),
)
"""What is drawn, and how it is called."""

Row = dict[str, object]


def _draw(name: str, rows: list[Row], *, line: float | None) -> None:
    """Write a picture; `line` is where a dashed line goes down."""
    widest = max((max(row["ratio"], row["target"] or 0) for row in rows if "ratio" in row), default=1)  # type: ignore[call-overload]
    loader = jinja2.FileSystemLoader(HERE)
    template = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("plot.svg.j2")
    (DOCS / name).write_text(template.render(rows=rows, scale=360 / widest, line=line) + "\n")


def _seconds() -> None:
    kept = {name: json.loads(path.read_text()) for name in TITLES if (path := RESULTS / f"{name}.json").is_file()}
    rows: list[Row] = []
    for name, bench in kept.items():
        rows.append({"title": TITLES[name]})
        for one in bench["results"]:
            if one["ratio"] != 1:
                text = f"{one['ratio']:.2f} ({one['wall']:.1f} s)"
                rows.append({**one, "label": f"{one['subject']}: {one['way']}", "text": text})
    if kept:
        _draw("bench.svg", rows, line=1)
        (DOCS / "bench.json").write_text(json.dumps(kept, indent=1) + "\n")


def _instructions() -> None:
    figures = {name: figure.value for name, figure in latest.load().items()}
    rows: list[Row] = []
    for size in (60, 1500):
        if (sender := figures.get(f"rx.sender.{size}")) is None:
            continue
        rows.append({"title": f"Instructions to receive a frame of {size} bytes, above the bare sender"})
        for name, label in RECEIVE:
            if (value := figures.get(f"{name}.{size}")) is not None:
                cost = value - sender
                rows.append({"label": label, "ratio": cost, "target": None, "text": f"{cost:.0f}"})
    if rows:
        _draw("receive.svg", rows, line=None)


def main() -> None:
    """Write what there are figures for."""
    _seconds()
    _instructions()


if __name__ == "__main__":
    main()
