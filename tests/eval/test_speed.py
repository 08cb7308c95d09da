"""Protects the speed eval: every row has its figures, beside those of its peers, and the JSON line comes last.
Run: pytest tests/eval/test_speed.py"""

import io

from rich.console import Console

from eval.report import Report
from eval.speed import run
from tools import Shop


def test_every_figure_stands_beside_its_peers_from_the_same_run(read_shop: Shop) -> None:
    printed = io.StringIO()
    report = run(read_shop, Console(file=printed, width=200), users=3, batch=20)
    lines = printed.getvalue().splitlines()
    assert Report.model_validate_json(lines[-1]) == report
    rows = report.results
    for name in ("one user", "one user, all filters", "audience of 20 clauses", "chroma query"):
        assert 0 < rows[name]["p50_ms"] <= rows[name]["p99_ms"]
    assert rows["chroma index build"]["seconds"] > 0
    fitted = [name for name, row in rows.items() if "fit_seconds" in row]
    assert {"item-kNN", "ALS", "EASE"} <= set(fitted)
    served = [name for name, row in rows.items() if row.get("users_per_second", 0) > 0]
    assert set(served) == {
        *fitted,
        "implicit item-kNN",
        "implicit ALS, folding in",
        "implicit ALS, stored factors",
        "NumPy search, stored factors",
    }
    assert all(any(name in line for line in lines[:-1]) for name in rows)
