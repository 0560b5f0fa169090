# SPDX-License-Identifier: GPL-2.0-or-later
"""Put the figures of all benches together: docs/bench.json, and docs/bench.svg as a picture of the ratios."""

import json
from pathlib import Path

import jinja2
from measure import RESULTS

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
TITLES = {
    "planning": "Planning drivers, of the time of spatch on the same folders",
    "building": "build DRIVER with all proofs, of the time of a plain make",
}


def main() -> None:
    """Write both files."""
    kept = {name: json.loads(path.read_text()) for name in TITLES if (path := RESULTS / f"{name}.json").is_file()}
    rows: list[dict[str, object]] = []
    for name, bench in kept.items():
        rows.append({"title": TITLES[name]})
        rows += [{**one, "label": f"{one['subject']}: {one['way']}"} for one in bench["results"] if one["ratio"] != 1]
    widest = max((max(row["ratio"], row["target"] or 0) for row in rows if "ratio" in row), default=1)  # type: ignore[type-var]
    loader = jinja2.FileSystemLoader(HERE)
    template = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("plot.svg.j2")
    (DOCS / "bench.svg").write_text(template.render(rows=rows, scale=360 / widest) + "\n")
    (DOCS / "bench.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
