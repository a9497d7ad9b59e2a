#!/usr/bin/env python3
"""Customer values of a shop, and the market of eight shares."""
import json

from golden import check, data, golden_csv, golden_json, read, run, table, main

TIGHT = 1e-12


class Worst:
    """The worst deviation per group of values; a text, a count or a missing value deviates by nothing or fails."""

    def __init__(self, what):
        self.what, self.worst, self.compared = what, {}, {}

    def value(self, group, got, want, tolerance=0.0):
        self.compared[group] = self.compared.get(group, 0) + 1
        if type(want) is float and type(got) in (float, int):
            scale = max(abs(got), abs(want))
            deviation = 0.0 if got == want else abs(got - want) / scale
        else:
            deviation = 0.0 if got == want and type(got) is type(want) else float("inf")
        self.worst[group] = max(self.worst.get(group, 0.0), deviation)
        if not deviation <= tolerance:
            check(False, f"{self.what} {group}: {got!r} for {want!r}")

    def json(self, group, got, want, tolerance=0.0):
        """Dictionaries may say more than the reference; their values are groups of their own."""
        if isinstance(want, dict) and isinstance(got, dict):
            for key, value in want.items():
                name = key if isinstance(value, (float, int, str)) else group
                self.json(name, got.get(key, "(left out)"), value, tolerance)
        elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
            for g, w in zip(got, want):
                self.json(group, g, w, tolerance)
        else:
            self.value(group, got, want, tolerance)

    def rows(self, got, want, texts, tolerances, default=0.0):
        """Tables with header: columns of `texts` are compared as they stand, the others as numbers."""
        check(got[0] == want[0], f"{self.what}: header {got[0]} for {want[0]}")
        check(len(got) == len(want), f"{self.what}: {len(got)} rows for {len(want)}")
        for g, w in zip(got[1:], want[1:]):
            for name, x, y in zip(want[0], g, w):
                if name in texts or "" in (x, y):
                    self.value(name, x, y)
                else:
                    self.value(name, float(x), float(y), tolerances.get(name, default))

    def tell(self):
        exact = sum(n for group, n in self.compared.items() if self.worst[group] == 0)
        off = [f"{group} {deviation:.1e} of {self.compared[group]}" for group, deviation in self.worst.items() if deviation]
        print(f"  {self.what}: {exact} values equal; worst deviation: {', '.join(off) or 'none'}", flush=True)


def test_customers():
    want = golden_csv("clv/customers")
    facts = golden_json("clv/facts")
    near = {name: TIGHT for name in ("APV", "PF", "CL", "CLV", "CLV_net")}
    retail = data("online_retail_2010_2011.csv")
    for options in ((), ("--split-bytes=4000000", "--partitions=3", "--slots=1")):
        out = run("customer-value", retail, "--gross-margin=0.30", *options)
        worst = Worst(f"customers {options}")
        worst.rows(read(out / "customers"), want, {"customer", "first_day", "last_day", "segment"}, near)
        worst.tell()
        got = json.loads((out / "summary.json").read_text())
        worst = Worst(f"summary {options}")
        exact = ("counts", "segments", "revenue", "net_revenue_of_purchasers")
        for key, value in facts.items():
            worst.json(key, got.get(key), value, 0.0 if key in exact or not isinstance(value, (float, dict, list)) else 1e-9
                       if key.startswith("zero_gap") else TIGHT)
        worst.tell()
    # Two countries in one year: the same sums, counted here.
    picked = [["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]]
    kept = {}
    with open(retail, newline="") as file:
        next(file)
        for line in file:
            fields = line.rstrip("\n").rsplit(",", 6)
            if fields[6] in ("France", "EIRE") and "2011-02-01" <= fields[3][:10] <= "2011-06-30":
                kept.setdefault(fields[5], []).append(fields)
    purchases = {c: [f for f in rows if f[0][0] != "C" and int(f[2]) > 0 and float(f[4]) > 0]
                 for c, rows in kept.items() if c}
    out = run("customer-value", retail, "--from=2011-02-01", "--to=2011-06-30", "--countries=France,EIRE")
    got = json.loads((out / "summary.json").read_text())
    thousandths = sum(int(f[2]) * round(1000 * float(f[4])) for rows in purchases.values() for f in rows)
    check(got["revenue_thousandths"] == thousandths > 0, f"revenue of two countries: {got['revenue_thousandths']}")
    check(got["customers"] == sum(1 for rows in purchases.values() if rows), "customers of two countries")
    check(got["counts"]["rows"] == sum(len(rows) for rows in kept.values()), "rows of two countries")
    shop_edges(picked[0])


def shop_edges(header):
    def shop(name, *rows):
        return table(name, [header] + [list(row) for row in rows])

    sale = ["1", "2", "2011-01-01 10:00:00", "1.5", "7.0", "X"]
    got = json.loads((run("customer-value", shop("one.csv", sale)) / "summary.json").read_text())
    check(got["segments"]["high"] == {"customers": 1, "revenue": 3.0} and got["segments"]["low"]["customers"] == 0,
          f"one customer is high: {got['segments']}")
    check(got["zero_gap_check_smallest_relative_gap_at_segment_borders"] == [None, None], "no border, no gap")
    twins = [[str(i), "2", "2011-01-01", "1.5", str(i), "X"] for i in (12, 9, 10, 11, 30)]
    rows = read(run("customer-value", shop("twins.csv", *twins, *twins)) / "customers")[1:]
    check([(r[0], r[1], r[2], r[-1]) for r in rows] ==
          [("9", "2", "1", "high")] + [(c, "2", "1", "middle") for c in ("10", "11", "12")] + [("30", "2", "1", "low")],
          f"equal values rank by customer, duplicates stay: {rows}")
    odd = [sale, ["C2", "-1", "2011-01-02", "1.5", "7", "X"], ["C3", "-1", "2011-01-02", "0", "7", "X"],
           ["4", "0", "2011-01-02", "1.5", "7", "X"], ["5", "1", "2011-01-02", "-3", "7", "X"],
           ["C6", "9", "2011-01-02", "1.5", "", "X"], ["C7", "-2", "2011-01-02", "1", "8", "X"]]
    out = run("customer-value", shop("odd.csv", *odd))
    got = json.loads((out / "summary.json").read_text())
    check(got["counts"] == {"rows": 7, "no_customer": 1, "cancellation": 3, "non_positive": 2, "purchases": 1},
          f"the first filter that applies counts: {got['counts']}")
    check(read(out / "customers")[1][11] == "1.5" and len(read(out / "customers")) == 2, "net of the own cancellations")
    check(got["cancellations_of_known_customers_thousandths"] == -3500, "cancellations of all known customers")
    for name, row, sentence in (
            ("nan.csv", [*sale[:3], "nan", *sale[4:]], "UnitPrice"),
            ("huge.csv", ["1", "9223372036854775807", *sale[2:]], "too large to be exact"),
            ("word.csv", ["1", "two", *sale[2:]], "word.csv:2"),
            ("customer.csv", [*sale[:4], "inf", "X"], "is no number of a customer"),
            ("day.csv", [*sale[:2], "2011-02-30", *sale[3:]], "InvoiceDate"),
            ("none.csv", ["C1", *sale[1:]], "none of the 1 rows looked at is a purchase")):
        run("customer-value", shop(name, row), fails=(1, sentence))
    run("customer-value", table("empty.csv", [header]), fails=(2, "has no records"))
    run("customer-value", table("short.csv", [header[:-1], sale[:-1]]), fails=(2, "there is no column 'Country'"))
    run("customer-value", shop("dates.csv", sale), "--from=2011-02-01", "--to=2011-01-01", fails=(2, "lies before"))
    run("customer-value", shop("dates.csv", sale), "--from=first", fails=(2, "'first' is not a valid date"))
    run("customer-value", shop("dates.csv", sale), "--gross-margin=0", fails=(2, "--gross-margin"))


PERIODS = ("--from=2008-04-15,2022-04-01", "--to=2009-01-28,2022-06-30", "--movers=2008-10-07,2009-01-28,2022-06-30")


def test_market():
    tables = {"total_close": {"Date"}, "moving_averages": {"Symbol", "Date"}, "monthly": {"Symbol", "month"},
              "anomalies": {"series", "Symbol", "Date"}}
    exact = {name: 0.0 for name in ("symbols", "rows", "volume", "Close", "total_close")}
    prices = data("fangmant_daily_2000_2024.csv")
    for options in ((), ("--split-bytes=400000", "--partitions=3", "--slots=1")):
        out = run("market", prices, *PERIODS, "--windows=20,50,200", "--anomaly-window=20", "--anomaly-z=3", *options)
        for name, texts in tables.items():
            worst = Worst(f"{name} {options}")
            worst.rows(read(out / name), golden_csv(f"fangmant/{name}"), texts,
                       {**exact, "z": 1e-7, "window_std": 1e-7}, TIGHT)
            worst.tell()
        for name, file in (("movers", "movers"), ("recessions", "recessions"), ("facts", "summary")):
            worst = Worst(f"{file}.json {options}")
            got, want = json.loads((out / f"{file}.json").read_text()), golden_json(f"fangmant/{name}")
            margin = want.pop("smallest_distance_of_abs_z_from_3", None)
            if margin is not None:
                check(abs(got["smallest_distance_of_abs_z_from_3"] - margin) < 1e-7, "distance from the limit")
            worst.json(file, got, want, TIGHT)
            worst.tell()
            check({k: list(v) for k, v in got.items() if isinstance(v, dict)} ==
                  {k: list(v) for k, v in want.items() if isinstance(v, dict)}, f"{file}.json: names and their order")
        best = read(out / "movers")[1:]
        check([row[1] for row in best if row[0] == "2022-06-30"] ==
              [row[0] for row in golden_json("fangmant/movers")["days"]["2022-06-30"]["all"]], "movers/ is ranked")
        falls = {(row[0], row[1]): row for row in read(out / "recessions")[1:]}
        check(len(falls) == 16 and ("2022-04-01..2022-06-30", "(total close)") in falls, "recessions/")
    market_edges()


def market_edges():
    header = ["Date", "Open", "High", "Low", "Close", "Volume", "Symbol"]

    def market(name, *rows):
        return table(name, [header] + [[day, close, close, close, close, 10, symbol] for symbol, day, close in rows])

    days = [f"2020-01-{d:02}" for d in range(1, 29)]
    flat = [("A", day, 0.1) for day in days[:-1]] + [("A", days[-1], 9), ("B", days[3], 2)]
    out = run("market", market("flat.csv", *flat), "--from=2020-01-04", "--to=2020-01-04", "--movers=2020-01-01,2020-01-04")
    got = json.loads((out / "summary.json").read_text())
    check(got["anomalies"] == 0 and got["anomalies_by_series"] == {}, f"nothing is far from equal values: {got}")
    falls = json.loads((out / "recessions.json").read_text())["2020-01-04..2020-01-04"]
    check(falls["B"]["rows"] == 1 and falls["B"]["volatility"] is None and falls["B"]["max_drawdown"] == 0.0 and
          falls["B"]["return"] == 0.0, f"a period of one row: {falls['B']}")
    movers = json.loads((out / "movers.json").read_text())["days"]
    check(movers["2020-01-01"]["all"] == [] and "total_pct" not in movers["2020-01-01"], "nothing before the first day")
    check([row[0] for row in movers["2020-01-04"]["all"]] == ["A"], "a symbol's first row moves from nothing")
    check(len(read(out / "moving_averages")) == 3, "averages inside the period only")
    out = run("market", market("flat.csv", *flat), "--windows=3,1", "--anomaly-window=2")
    rows = read(out / "moving_averages")
    check(rows[0][3:] == ["ma_3", "ma_1"] and len(rows) == 30 and rows[1][3:] == ["", "0.1"] and
          rows[3][3:] == ["0.1", "0.1"], f"all rows without a period: {rows[:4]}")
    check([p.name for p in out.glob("*.json")].count("recessions.json") == 1 and
          (out / "recessions.json").read_text() == "{}\n", "no period, no recession")
    one = ("A", "2020-01-01", 1)
    for name, rows, sentence in (
            ("twice.csv", [one, ("A", "2020-01-02", 1), ("A", "2020-01-01", 2)], "symbol 'A' has two rows for 2020-01-01"),
            ("zero.csv", [one, ("A", "2020-01-02", 0)], "is not a price above 0"),
            ("nan.csv", [one, ("A", "2020-01-02", "nan")], "is not a price above 0"),
            ("huge.csv", [("A", "2020-01-02", "1e300")], "that can be added up exactly"),
            ("missing.csv", [one, ("A", "2020-01-02", "")], "the value is missing"),
            ("word.csv", [one, ("A", "2020-01-02", "n/a")], "word.csv:3")):
        run("market", market(name, *rows), fails=(1, sentence))
    run("market", table("empty.csv", [header]), fails=(2, "has no records"))
    run("market", table("short.csv", [header[:-1], ["2020-01-01", 1, 1, 1, 1, 1]]), fails=(2, "there is no column 'Symbol'"))
    for option, sentence in ((["--from=2020-01-01"], "needs a first and a last day"), (["--windows=0"], "--windows"),
                             (["--from=2020-01-02", "--to=2020-01-01"], "lies before"), (["--movers=x"], "not a valid date"),
                             (["--anomaly-window=1"], "--anomaly-window"), (["--anomaly-z=0"], "--anomaly-z")):
        run("market", market("one.csv", one), *option, fails=(2, sentence))
    got = json.loads((run("market", market("one.csv", one)) / "summary.json").read_text())
    check(got["rows"] == got["days"] == 1 and got["anomalies"] == 0 and
          got["smallest_distance_of_abs_z_from_3"] is None, f"one row: {got}")


if __name__ == "__main__":
    main(globals())
