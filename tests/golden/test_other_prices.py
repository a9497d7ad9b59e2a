#!/usr/bin/env python3
"""The jobs on prices with 92 and 500 symbols: no reference covers these, so everything is computed a second time here."""
import json
import math
import struct
from collections import defaultdict

from golden import main
from independent import Case, deviation, lloyd, mean, other, rows_of

FILES = ("ohlcv_2023_92_symbols.csv", "ohlcv_2023_500_symbols.csv")
PERIODS = (("2023-03-01", "2023-05-31"), ("2023-08-01", "2023-10-31"))
MOVERS = ("2023-03-13", "2023-11-14")


def single(text):
    return struct.unpack("<f", struct.pack("<f", float(text)))[0]


def returns_of(path):
    """Symbol -> [(date, close, daily, cumulative, compounded)] in order."""
    bars = defaultdict(list)
    for row in rows_of(path):
        bars[row["Symbol"]].append((row["Date"], single(row["Close"])))
    found = {}
    for symbol in sorted(bars, key=str.encode):
        before, cumulative, value, rows = None, 0.0, 1.0, []
        for date, close in sorted(bars[symbol], key=lambda bar: bar[0]):
            daily = close / before - 1 if before is not None else 0.0
            cumulative, value, before = cumulative + daily, value * (1 + daily), close
            rows.append((date, close, daily, cumulative, value - 1))
        found[symbol] = rows
    return found


def pivot_row(rows):
    return [x for row in rows for x in row[2:4]]


def test_other_returns():
    for path in filter(None, map(other, FILES)):
        with Case("stock-returns", path) as case:
            names = ("Close", "DailyReturn", "CumulativeReturn", "CompoundedReturn")
            case.tables("", [{"Symbol": symbol, "Date": row[0], **dict(zip(names, row[1:]))}
                             for symbol, rows in returns_of(path).items() for row in rows], ("Symbol", "Date"), relative=0)


def test_other_pivot():
    for path in filter(None, map(other, FILES)):
        with Case("stock-pivot", path) as case:
            series = returns_of(path)
            days = sorted({row[0] for rows in series.values() for row in rows})
            names = [f"{day}_{kind}" for day in days for kind in ("DailyReturn", "CumulativeReturn")]
            case.tables("", [{"Symbol": symbol, **dict(zip(names, pivot_row(rows)))} for symbol, rows in series.items()],
                        ("Symbol",), relative=0)


def test_other_stock_clusters():
    for path in filter(None, map(other, FILES)):
        with Case("stock-clusters", path, "--k=6", "--elbow=2..3") as case:
            series = returns_of(path)
            symbols, raw = list(series), [pivot_row(rows) for rows in series.values()]
            columns = list(zip(*raw))
            factors = [1 / s if s else 0.0 for s in (deviation(c, len(c) - 1) if min(c) != max(c) else 0.0 for c in columns)]
            means = [mean(c) for c in columns]
            scaled = [[(x - m) * f for x, m, f in zip(row, means, factors)] for row in raw]
            for got, row in zip(case.table("scaled"), scaled):
                for text, value in zip(list(got.values())[1:], row):
                    case.near("scaled", text, value, absolute=1e-9)
            centres, labels, _, _ = lloyd(scaled, 6)
            case.tables("labels", [{"id": s, "cluster": c} for s, c in zip(symbols, labels)], ("id", "cluster"))
            for got, centre in zip(case.table("centres"), centres):
                for text, value in zip(list(got.values())[1:], centre):
                    case.near("centres", text, value, absolute=1e-9)
            case.tables("elbow", [{"k": k, "cost": cost, "iterations": passes}
                                  for k in (2, 3) for _, _, cost, passes in [lloyd(scaled, k)]], ("k", "iterations"))
            case.tables("summary", [{"Symbol": s, "cluster": c, "average_column": sum(row) / len(row),
                                     "average_daily": sum(row[0::2]) * 2 / len(row), "average_cumulative": sum(row[1::2]) * 2 / len(row)}
                                    for s, c, row in zip(symbols, labels, raw)], ("Symbol", "cluster"), absolute=1e-15)


def micros(text):
    return round(float(text) * 1_000_000)


def anomalies(name, symbol, dates, values):
    """Rows of anomalies/: values farther than 3 deviations from the mean of the 20 before them."""
    for t in range(20, len(values)):
        window = values[t - 20:t]
        m = sum(window) / 20
        s = math.sqrt(sum((x - m) ** 2 for x in window) / 19)
        if s > 0 and abs((values[t] - m) / s) > 3:
            yield {"series": name, "Symbol": symbol, "Date": dates[t], "value": values[t], "window_mean": m, "window_std": s,
                   "z": (values[t] - m) / s}


def period_rows(name, symbol, dates, closes, daily):
    """The row of recessions/ of one series in one period."""
    first, last = name.split("..")
    inside = [t for t, day in enumerate(dates) if first <= day <= last]
    values = [closes[t] for t in inside]
    peak, drawdown, found = 0, 0.0, (0, 0)
    for i, value in enumerate(values):
        if value > values[peak]:
            peak = i
        if value / values[peak] - 1 < drawdown:
            drawdown, found = value / values[peak] - 1, (i, peak)
    low, high = values.index(min(values)), values.index(max(values))
    return {"period": name, "Symbol": symbol, "rows": len(inside), "first_date": dates[inside[0]], "last_date": dates[inside[-1]],
            "first_close": values[0], "last_close": values[-1], "change": (micros(values[-1]) - micros(values[0])) / 1e6,
            "return": values[-1] / values[0] - 1, "lowest_close": values[low], "lowest_date": dates[inside[low]],
            "highest_close": values[high], "highest_date": dates[inside[high]], "max_drawdown": drawdown,
            "trough_date": dates[inside[found[0]]], "peak_date": dates[inside[found[1]]],
            "volatility": deviation([daily[t] for t in inside[1:]], len(inside) - 2)}  # of the moves inside


def months(symbol, bars):
    before, found = None, []
    for month in sorted({bar["Date"][:7] for bar in bars}):
        rows = [bar for bar in bars if bar["Date"].startswith(month)]
        last = float(rows[-1]["Close"])
        found.append({"Symbol": symbol, "month": month, "rows": len(rows), "first_open": float(rows[0]["Open"]),
                      "highest": max(float(r["High"]) for r in rows), "lowest": min(float(r["Low"]) for r in rows), "last_close": last,
                      "average_close": sum(micros(r["Close"]) for r in rows) / (len(rows) * 1e6),
                      "volume": sum(int(r["Volume"]) for r in rows), "month_return": last / before - 1 if before else ""})
        before = last
    return found


def test_other_market():
    for path in filter(None, map(other, FILES)):
        with Case("market", path, "--from=" + ",".join(p[0] for p in PERIODS), "--to=" + ",".join(p[1] for p in PERIODS),
                  "--movers=" + ",".join(MOVERS)) as case:
            bars = defaultdict(list)
            for row in rows_of(path):
                bars[row["Symbol"]].append(row)
            check_market(case, {s: sorted(bars[s], key=lambda bar: bar["Date"]) for s in sorted(bars, key=str.encode)})


def check_market(case, bars):
    periods = ["..".join(p) for p in PERIODS]
    days = sorted({bar["Date"] for rows in bars.values() for bar in rows})
    totals = {day: [0, 0] for day in days}
    close_anomalies, daily_anomalies, averages, movers, recessions = [], [], [], [], []
    for symbol, rows in bars.items():
        dates, closes = [bar["Date"] for bar in rows], [float(bar["Close"]) for bar in rows]
        daily = [0.0] + [b / a - 1 for a, b in zip(closes, closes[1:])]
        sums = [0]
        for t, day in enumerate(dates):
            totals[day][0] += 1
            totals[day][1] += micros(closes[t])
            sums.append(sums[-1] + micros(closes[t]))
            if any(a <= day <= b for a, b in PERIODS):
                averages.append({"Symbol": symbol, "Date": day, "Close": closes[t], **{
                    f"ma_{n}": (sums[t + 1] - sums[t + 1 - n]) / (n * 1e6) if t + 1 >= n else "" for n in (20, 50, 200)}})
            if day in MOVERS and t > 0:
                movers.append({"Date": day, "Symbol": symbol, "previous_date": dates[t - 1], "previous_close": closes[t - 1],
                               "close": closes[t], "change": (micros(closes[t]) - micros(closes[t - 1])) / 1e6,
                               "pct": 100 * (closes[t] / closes[t - 1] - 1)})
        close_anomalies += anomalies("close", symbol, dates, closes)
        daily_anomalies += anomalies("daily_return", symbol, dates[1:], daily[1:])
        recessions += [period_rows(name, symbol, dates, closes, daily) for name in periods]
    total = [totals[day][1] / 1e6 for day in days]
    total_daily = [0.0] + [b / a - 1 for a, b in zip(total, total[1:])]
    recessions += [period_rows(name, "(total close)", days, total, total_daily) for name in periods]

    case.tables("total_close", [{"Date": day, "symbols": totals[day][0], "total_close": value} for day, value in zip(days, total)],
                ("Date", "symbols"), relative=0)
    case.tables("moving_averages", averages, ("Symbol", "Date"), relative=1e-12)
    case.tables("monthly", [m for symbol, rows in bars.items() for m in months(symbol, rows)], ("Symbol", "month", "rows", "volume"),
                relative=1e-12)
    case.tables("movers", sorted(movers, key=lambda m: (m["Date"], -m["pct"], m["Symbol"])), ("Date", "Symbol", "previous_date"),
                relative=1e-12, absolute=1e-12)
    total_anomalies = [{**row, "Symbol": ""} for row in anomalies("total_close", "", days, total)]
    got = case.table("anomalies")
    want = [*close_anomalies, *daily_anomalies, *total_anomalies]
    case.equal("which anomalies", [(r["series"], r["Date"], r["Symbol"]) for r in got if r["series"] != "total_close"],
               [(r["series"], r["Date"], r["Symbol"]) for r in want if r["series"] != "total_close"])
    case.equal("anomalies", len(got), len(want))
    for g, w in zip(got, want):
        for name in ("value", "window_mean", "window_std", "z"):
            case.near(f"anomalies {name}", g[name], w[name], relative=1e-7, absolute=1e-7)
    order = sorted(recessions, key=lambda r: (r["period"], r["Symbol"] == "(total close)", r["Symbol"].encode()))
    case.tables("recessions", order, ("period", "Symbol", "rows", "first_date", "last_date", "lowest_date", "highest_date",
                                      "trough_date", "peak_date"), relative=1e-9, absolute=1e-12)
    summary = json.loads((case.out / "summary.json").read_text())
    case.equal("rows of the summary", summary.get("rows", sum(map(len, bars.values()))), sum(map(len, bars.values())))


if __name__ == "__main__":
    main(globals())
