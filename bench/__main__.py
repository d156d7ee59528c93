"""`make bench`: run every benchmark of this folder, print one JSON object and a table. `python -m bench NAME` runs one.

A benchmark is a module that prints one JSON object:

    {"figures": [{"figure": "import", "value": 41000, "unit": "rows/s",
                  "baseline": "raw COPY", "baseline_value": 96000, "ratio": 0.43}]}

The baseline is measured in the same run; other keys are kept as they are. Results are also written to `bench/results/`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LIMIT_S = 1200


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 1 if one fails."""
    found = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"bench: there is no {unknown[0]!r}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    results = {name: run(name) for name in names or found}
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (FOLDER / "results").mkdir(exist_ok=True)
    (FOLDER / "results" / "latest.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)
    print(table(results), file=sys.stderr)
    return int(any("failed" in result for result in results.values()))


def run(name: str) -> dict[str, Any]:
    """One benchmark's object; `{"failed": reason}` where it has none. Its progress goes to standard error."""
    print(f"bench: {name} …", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"],
            cwd=FOLDER.parent,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {LIMIT_S} s"}
    if done.returncode:
        return {"failed": f"exit {done.returncode}"}
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return {"failed": "printed no JSON object"}
    return result if isinstance(result, dict) else {"failed": "printed no JSON object"}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The figures in columns, each beside its baseline and as a share of it."""
    rows = [("benchmark", "figure", "value", "unit", "baseline value", "ratio", "baseline")]
    for name, result in results.items():
        if "failed" in result:
            rows.append((name, f"FAILED: {result['failed']}", "", "", "", "", ""))
        for figure in result.get("figures", []):
            ratio = f"{figure['ratio']:.2f}" if "ratio" in figure else ""
            baseline = str(figure.get("baseline", ""))
            beside = shown(figure.get("baseline_value"))
            rows.append((name, figure["figure"], shown(figure["value"]), figure["unit"], beside, ratio, baseline))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def shown(number: float | None) -> str:
    """Three digits that matter, and thousands set apart."""
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
