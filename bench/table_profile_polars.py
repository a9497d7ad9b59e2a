#!/usr/bin/env python3
"""The figures of the job `profile`, by Polars: table_profile_polars.py INPUT.csv OUTPUT.json NUMERIC CATEGORICAL TEXT (lists with commas)."""
import json
import sys

import polars as pl

QUANTILES = {"p05": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "p95": 0.95}


def figures(name):
    x = pl.col(name)
    ordered = x.sort()  # once: the optimiser shares it
    named = {"missing": x.null_count(), "distinct": x.drop_nulls().n_unique(), "zeros": (x == 0).sum(), "min": x.min(),
             "max": x.max(), "sum": x.sum(), "mean": x.mean(), "variance": x.var(), "std": x.std(),
             "skew": x.skew(bias=False), "kurtosis": x.kurtosis(bias=False),
             **{q: ordered.quantile(p, "linear") for q, p in QUANTILES.items()}}
    return [e.alias(f"{name}\0{key}") for key, e in named.items()]


def top(frame, name):
    counts = frame.select(pl.col(name).drop_nulls()).group_by(name).len()
    return counts.bottom_k(10, by=[-pl.col("len").cast(pl.Int64), pl.col(name)]).sort([-pl.col("len").cast(pl.Int64), pl.col(name)])


def entropy(counts, total):
    n = pl.col(counts).cast(pl.Float64)
    return total.log() - (n * n.log()).sum() / total


def cells(frame, a, b):
    """Cramer's V and the uncertainty coefficients of two columns, from the table of their pairs."""
    pairs = frame.select(a, b).drop_nulls().group_by(a, b).len(name="n")
    pairs = pairs.with_columns(pl.col("n").sum().over(a).alias("r"), pl.col("n").sum().over(b).alias("c"))
    n = pl.col("n").cast(pl.Float64)
    total = n.sum()
    h_cells = total.log() - (n * n.log()).sum() / total
    h_rows = total.log() - (n * pl.col("r").cast(pl.Float64).log()).sum() / total
    h_columns = total.log() - (n * pl.col("c").cast(pl.Float64).log()).sum() / total
    phi = (n * n / (pl.col("r").cast(pl.Float64) * pl.col("c").cast(pl.Float64))).sum() - 1
    least = pl.min_horizontal(pl.col(a).n_unique(), pl.col(b).n_unique()) - 1
    shared = h_rows + h_columns - h_cells
    return pairs.select(cramers_v=(pl.max_horizontal(phi, 0.0) / least).sqrt(), row=shared / h_rows, column=shared / h_columns)


def ratio(frame, category, number):
    both = frame.select(category, number).drop_nulls()
    groups = both.group_by(category).agg(pl.len().alias("n"), pl.col(number).mean().alias("m"), pl.col(number).var(ddof=0).alias("v"))
    n, m = pl.col("n").cast(pl.Float64), pl.col("m")
    between = (n * (m - (n * m).sum() / n.sum()) ** 2).sum()
    return groups.select(eta=(between / (between + (n * pl.col("v")).sum())).sqrt())


def main():
    path, out, *kinds = sys.argv[1:]
    numeric, categorical, text = ([n for n in kind.split(",") if n] for kind in kinds)
    types = {**{n: pl.Float64 for n in numeric}, **{n: pl.String for n in categorical + text}}
    frame = pl.read_csv(path, schema_overrides=types, columns=list(types), null_values=["", " "]).lazy()
    pairs = [(a, b) for i, a in enumerate(numeric) for b in numeric[i + 1:]]
    plans = [frame.select([e for n in numeric for e in figures(n)] + [pl.corr(a, b).alias(f"{a}\0{b}") for a, b in pairs]),
             frame.select([e for n in categorical + text for e in (pl.col(n).null_count().alias(f"{n}\0missing"),
                                                                   pl.col(n).drop_nulls().n_unique().alias(f"{n}\0distinct"))])]
    plans += [top(frame, n) for n in types]
    two = [(a, b) for i, a in enumerate(categorical) for b in categorical[i + 1:]]
    plans += [cells(frame, a, b) for a, b in two]
    mixed = [(c, n) for c in categorical for n in numeric]
    plans += [ratio(frame, c, n) for c, n in mixed]
    results = pl.collect_all(plans)
    facts = {"columns": {n: {} for n in types}, "pairs": {}}
    for row in (results[0].row(0, named=True), results[1].row(0, named=True)):
        for key, value in row.items():
            first, second = key.split("\0")
            if second in types:
                facts["pairs"][f"pearson {first} {second}"] = value
            else:
                facts["columns"][first][second] = value
    at = 2
    for name in types:
        facts["columns"][name]["top"] = results[at].rows()
        at += 1
    for a, b in two:
        row = results[at].row(0, named=True)
        facts["pairs"].update({f"cramers_v {a} {b}": row["cramers_v"], f"uncertainty {a} {b}": row["row"], f"uncertainty {b} {a}": row["column"]})
        at += 1
    for c, n in mixed:
        facts["pairs"][f"eta {c} {n}"] = results[at].item()
        at += 1
    with open(out, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)


main()
