"""Results of sweeps, and the best of them found by comparing all with all."""

import csv
from pathlib import Path
from random import Random


def results(path: Path, count: int, *more: str) -> list[dict]:
    """A file as `archspec sweep` writes it; with text in an axis, and with columns of one's own."""
    random = Random(count)  # noqa: S311  not secret
    rows = []
    for point in range(count):
        params = random.randint(1000, 9000)
        rows.append({
            "point": point,
            "scaling.width": random.choice([0.5, 0.75, 1.0]),
            "stages.*.kernel": random.choice(["[3, 5]", "3"]),
            "params": params + 10,
            "trainable": params,
            "macs": random.randint(10, 99) * params,
            "peak_memory": random.randint(1, 50) * 1024,
            "weights": 4 * params,
            **{name: random.random() for name in more},
        })  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def best(rows: list[dict], low: str, other: str, sign: int) -> set[tuple]:
    """The pairs than which none is better in one and as good in the other: by comparing all."""
    pairs = {(row[low], sign * row[other]) for row in rows}
    return {
        (one, sign * two)
        for one, two in pairs
        if not any(a <= one and b <= two and (a, b) != (one, two) for a, b in pairs)
    }
