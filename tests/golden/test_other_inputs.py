#!/usr/bin/env python3
"""Jobs on public inputs that no reference covers, each computed a second time here in plain Python.

Prices are in test_other_prices.py. Inputs of tests/data are always there; the others lie beside the checkout or are left out
with a sentence.
"""
import csv
import datetime
import json
import math
import re
from collections import Counter, defaultdict

from golden import data, main, run, table
from independent import Case, lloyd, mean, nearest, other, rows_of, standard

NASA = ("nasa_http_1995_07_01.tsv", "nasa_http_1995_08_01.tsv")


def nasa():
    return list(filter(None, map(other, NASA)))


def retail():
    return data("online_retail_2010_2011.csv")


# ---- text ----


def test_other_logs():
    if not nasa():
        return
    with Case("access-log", nasa(), "--format=nasa", "--top=50") as case:
        counts = {name: Counter() for name in ("status", "methods", "hours", "hosts", "paths")}
        total = 0
        for path in nasa():
            for line in path.read_text(encoding="latin-1").split("\n")[1:-1]:
                host, _, time, method, url, status, size = line.split("\t")[:7]
                total += int(size)
                for name, value in zip(counts, (status, method, str(int(time) // 3600), host, url)):
                    counts[name][value] += 1
        for name, values in counts.items():
            if name in ("hosts", "paths"):
                want = sorted(values.items(), key=lambda item: (-item[1], item[0].encode()))[:50]
            else:
                want = sorted(values.items())
            case.tables(name, [{"value": value, "hits": hits} for value, hits in want], ("value", "hits"))
        summary = json.loads((case.out / "summary.json").read_text())
        case.equal("totals", (summary["rows"], summary["bytes"], summary["hosts"]),
                   (sum(counts["status"].values()), total, len(counts["hosts"])))


def test_other_text():
    for path in [*nasa(), data("household_products.csv")]:
        text = path.read_bytes()
        with Case("wordcount", path, "--tokens=ascii", "--partitions=3") as case:
            words = Counter(word.lower() for word in re.findall(rb"[A-Za-z]+", text))
            case.same_lines([b"%s\t%d" % item for item in sorted(words.items())])
        with Case("inverted-index", path, "--partitions=3") as case:
            lines = defaultdict(list)
            for number, line in enumerate(text.split(b"\n")[:-1], 1):
                for word in set(word.lower() for word in re.findall(rb"[A-Za-z]+", line)):
                    lines[word].append(number)
            case.same_lines([word + b"\t" + ",".join(map(str, lines[word])).encode() for word in sorted(lines)])
        with Case("sort", path, "--partitions=3") as case:
            case.same_lines(sorted(text.split(b"\n")[:-1]))
        with Case("grep", path, "--pattern=E") as case:
            case.same_lines([line for line in text.split(b"\n") if b"E" in line])


# ---- tables ----


def number(text):
    try:
        return float(text) if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text) else None
    except ValueError:
        return None


def quantile(values, p):
    h = p * (len(values) - 1)
    low = math.floor(h)
    return values[low] + (h - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def check_profile(path, kinds):
    """Every figure of columns/, top/, histogram/ counts, and the matrices of columns whose kinds are given."""
    with Case("profile", path, "--types=" + ",".join(f"{name}:{kind}" for name, kind in kinds.items())) as case:
        rows = rows_of(path)
        found = {row["column"]: row for row in case.table("columns")}
        case.equal("columns", list(found), list(rows[0]))
        top, numeric = defaultdict(list), {}
        for row in case.table("top"):
            top[row["column"]].append((row["value"], int(row["count"])))
        for name, kind in kinds.items():
            values = [row[name] for row in rows if row[name].strip()]
            if kind == "numeric":
                numeric[name] = [float(row[name]) if row[name].strip() else None for row in rows]
                check_numbers(case, found[name], sorted(map(float, values)))
                values = list(map(float, values))
                got = [(float(value), count) for value, count in top[name]]
            else:
                got = top[name]
            case.equal(f"counts of {name}", [int(found[name][x]) for x in ("rows", "missing", "distinct")],
                       [len(rows), len(rows) - len(values), len(set(values))])
            order = sorted(Counter(values).items(), key=lambda x: (-x[1], x[0].encode() if isinstance(x[0], str) else x[0]))
            case.equal(f"top of {name}", got, order[:10])
        for row in case.table("pearson"):
            for name, values in numeric.items() if row["column"] in numeric else ():
                pairs = [(a, b) for a, b in zip(numeric[row["column"]], values) if a is not None and b is not None]
                ma, mb = mean([a for a, _ in pairs]), mean([b for _, b in pairs])
                sxy = math.fsum((a - ma) * (b - mb) for a, b in pairs)
                sxx, syy = math.fsum((a - ma) ** 2 for a, _ in pairs), math.fsum((b - mb) ** 2 for _, b in pairs)
                case.near(f"pearson {row['column']} {name}", row[name], sxy / math.sqrt(sxx * syy), absolute=1e-9)


def check_numbers(case, got, values):
    n, m = len(values), mean(values)
    m2, m3, m4 = (math.fsum((v - m) ** e for v in values) for e in (2, 3, 4))
    q1, q3 = quantile(values, 0.25), quantile(values, 0.75)
    want = {"zeros": values.count(0.0), "min": values[0], "max": values[-1], "sum": math.fsum(values), "mean": m, "variance": m2 / (n - 1),
            "std": math.sqrt(m2 / (n - 1)), "p05": quantile(values, 0.05), "q1": q1, "median": quantile(values, 0.5), "q3": q3,
            "p95": quantile(values, 0.95), "range": values[-1] - values[0], "iqr": q3 - q1,
            "skew": n * math.sqrt(n - 1) / (n - 2) * m3 / m2 ** 1.5,
            "kurtosis": (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * n * m4 / m2 ** 2 - 3 * (n - 1))}
    for name, value in want.items():
        case.near(f"{name} of {got['column']}", got[name], value, relative=1e-8, absolute=1e-12)


def test_other_profile():
    """The retail file is in golden.retail."""
    check_profile(data("bike_sharing_hour.csv"), {"dteday": "text", "season": "categorical", "temp": "numeric", "hum": "numeric",
                                                  "casual": "numeric", "cnt": "numeric"})


def type_of(values):
    """The narrowest type, by patterns."""
    def fits(pattern):
        return all(re.fullmatch(pattern, v) for v in values)
    if fits(r"-?(0|[1-9]\d*)"):
        return "int64"
    if fits(r"-?(0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?"):
        return "double"
    if fits(r"\d{4}-\d\d-\d\d"):
        return "date"
    return "timestamp" if fits(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d") else "text"


def test_other_schema():
    for path in filter(None, [retail(), data("household_transactions.csv"), data("household_products.csv"), data("bike_sharing_hour.csv"),
                              other("california_housing.csv")]):
        with Case("infer-schema", path) as case:
            rows = rows_of(path)
            schema = json.loads((case.out / "schema.json").read_text())
            case.equal("rows", schema["rows"], len(rows))
            case.equal("columns", [column["name"] for column in schema["columns"]], list(rows[0]))
            for column in schema["columns"]:
                values = [row[column["name"]] for row in rows if row[column["name"]].strip()]
                kind = type_of(values)
                case.equal(f"type of {column['name']}", (column["type"], column["nulls"]), (kind, len(rows) - len(values)))
                if kind in ("int64", "double"):
                    case.near(f"min of {column['name']}", column["min"], min(map(float, values)), relative=0)
                    case.near(f"max of {column['name']}", column["max"], max(map(float, values)), relative=0)
                elif kind == "date":
                    case.equal(f"range of {column['name']}", (column["min"], column["max"]), (min(values), max(values)))
                case.equal(f"samples of {column['name']}", column["samples"], list(dict.fromkeys(values))[:5])


def test_other_encode():
    path = data("telco_customer_churn.csv")
    kinds, numbers = ("Contract", "PaymentMethod", "InternetService"), ("tenure", "MonthlyCharges")
    with Case("encode", path, "--id=customerID", "--numbers=whole", "--numeric=" + ",".join(numbers), "--categorical=" + ",".join(kinds)) as case:
        rows = rows_of(path)
        factors = {name: 1 / max(abs(float(row[name])) for row in rows) for name in numbers}
        orders = {name: sorted(Counter(row[name] for row in rows).items(), key=lambda x: (-x[1], x[0])) for name in kinds}
        want = [{"customerID": row["customerID"], **{name: float(row[name]) * factors[name] for name in numbers},
                 **{f"{name}={value}": float(row[name] == value) for name in kinds for value, _ in orders[name][:-1]}} for row in rows]
        case.equal("columns", list(case.table("features")[0]), list(want[0]))
        case.tables("features", want, ("customerID",), relative=0)
        case.tables("categories", [{"column": name, "index": i, "category": value, "count": count} for name in kinds
                                   for i, (value, count) in enumerate(orders[name])], ("column", "index", "category", "count"))


# ---- numbers ----


def columns_of(path, names):
    return [[float(row[name]) for row in rows_of(path)] for name in names]


def test_other_numbers():
    cancer = data("breast_cancer_wisconsin.csv")
    names = list(rows_of(cancer)[0])[:30]
    columns = columns_of(cancer, names)
    with Case("scale", cancer, "--std=population", "--features=" + ",".join(names)) as case:
        scaled = [standard(c, len(c)) for c in columns]
        case.tables("scaled", [dict(zip(names, row)) for row in zip(*scaled)], (), absolute=1e-12)
    with Case("pca", cancer, "--k=3", "--features=" + ",".join(names)) as case:
        means = [mean(c) for c in columns]
        centred = [[x - m for x in c] for c, m in zip(columns, means)]
        covariance = [[math.fsum(a * b for a, b in zip(x, y)) / (len(x) - 1) for y in centred] for x in centred]
        trace = sum(covariance[i][i] for i in range(30))
        found = case.table("components")
        vectors = [[float(row[name]) for name in names] for row in found]
        for row, v in zip(found, vectors):
            value = float(row["eigenvalue"])
            for line, x in zip(covariance, v):  # C v = value v
                case.near("eigenvector", sum(a * b for a, b in zip(line, v)), value * x, absolute=1e-9 * trace)
            case.near("share", row["explained_variance_ratio"], value / trace)
            case.equal("sign", max(v, key=abs) > 0, True)
            for w in vectors:
                case.near("orthonormal", sum(a * b for a, b in zip(v, w)), float(v is w), absolute=1e-12)
        # Deflated three times, no direction has more spread than the third eigenvalue.
        for value, v in zip((float(row["eigenvalue"]) for row in found), vectors):
            covariance = [[c - value * a * b for c, b in zip(line, v)] for line, a in zip(covariance, v)]
        case.equal("greatest ones", max(covariance[i][i] for i in range(30)) <= float(found[2]["eigenvalue"]), True)
        points = list(zip(*columns))
        case.tables("projected", [dict(zip("xyz", (sum(a * b for a, b in zip(p, v)) for v in vectors))) for p in points], (),
                    absolute=1e-9)


def check_kmeans(path, names, k):
    with Case("kmeans", path, f"--k={k}", "--features=" + ",".join(names), what=f"{path.name}, {len(names)} columns") as case:
        points = list(zip(*columns_of(path, names)))
        centres, labels, cost, passes = lloyd(points, k)
        case.tables("centres", [{"cluster": j, **dict(zip(names, c))} for j, c in enumerate(centres)], ("cluster",))
        case.tables("labels", [{"id": i, "cluster": c} for i, c in enumerate(labels)], ("id", "cluster"))
        summary = json.loads((case.out / "summary.json").read_text())
        case.near("final cost", summary["final_cost"], cost)
        case.equal("iterations", summary["iterations"], passes)


def test_other_kmeans():
    telco = data("telco_customer_churn.csv")
    check_kmeans(telco, ("SeniorCitizen", "tenure", "MonthlyCharges"), 4)
    check_kmeans(data("breast_cancer_wisconsin.csv"), ("mean_radius", "mean_texture", "mean_area"), 5)
    run("kmeans", telco, "--k=4", "--features=tenure,TotalCharges", fails=(2, "TotalCharges"))  # 11 blank cells: texts
    encoded = run("encode", telco, "--id=customerID", "--numbers=whole", "--numeric=tenure,MonthlyCharges", "--categorical=Contract,PaymentMethod")
    features = encoded / "features" / "part-00000.csv"
    check_kmeans(features, list(rows_of(features)[0])[1:], 3)


def test_other_streaming():
    path = data("breast_cancer_wisconsin.csv")
    names = ("mean_radius", "mean_texture", "mean_smoothness")
    points = standardised(columns_of(path, names))
    first = [list(p) for p in points[5:8]]
    given = table("first_centres.csv", [names, *first])
    with Case("streaming-kmeans", path, "--features=" + ",".join(names), f"--centres={given}", "--batch=50", "--half-life=2") as case:
        train = points[:int(0.8 * len(points))]
        test, centres, weights, decay, want = points[len(train):], first, [1.0] * 3, 0.5 ** 0.5, []
        for number, at in enumerate(range(0, len(train), 50), 1):
            batch = train[at:at + 50]
            found = [nearest(centres, p) for p in batch]
            row = {"batch": number, "points": len(batch), "batch_cost": math.fsum(d for _, d in found),
                   "test_cost": math.fsum(nearest(centres, p)[1] for p in test)}
            for j in range(3):
                mine = [p for p, (label, _) in zip(batch, found) if label == j]
                weight = decay * weights[j] + len(mine)
                if mine:
                    centres[j] = [(decay * weights[j] * c + math.fsum(column)) / weight for c, column in zip(centres[j], zip(*mine))]
                weights[j] = weight
                row[f"n_{j}"], row[f"weight_{j}"] = len(mine), weight
            row.update({f"centre_{j}_{name}": x for j in range(3) for name, x in zip(names, centres[j])})
            want.append(row)
        got = case.table("batches")
        for row in want:  # batches are numbered from the job's first
            row["batch"] += int(got[0]["batch"]) - 1
        case.tables("batches", want, ("batch", "points", "n_0", "n_1", "n_2"), absolute=1e-12)
        case.tables("test_labels", [{"row": i, "label": nearest(centres, p)[0]} for i, p in enumerate(test)], ("row", "label"))


# ---- models ----


def solve(matrix, right):
    """Gauss with pivots."""
    rows = [line[:] + [b] for line, b in zip(matrix, right)]
    n = len(rows)
    for i in range(n):
        best = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for r in range(i + 1, n):
            f = rows[r][i] / rows[i][i]
            rows[r] = [a - f * b for a, b in zip(rows[r], rows[i])]
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (rows[i][n] - sum(rows[i][j] * x[j] for j in range(i + 1, n))) / rows[i][i]
    return x


def test_other_regression():
    path = data("bike_sharing_hour.csv")
    names = ("temp", "hum", "windspeed", "hr", "damp")
    kept_back = set(range(3, 17379, 7))
    test_rows = table("bike_test.csv", [["row"], *([r] for r in sorted(kept_back))])
    with Case("linear-regression", path, "--target=cnt", "--features=" + ",".join(names), "--derive=damp=temp*hum/(1+windspeed)",
              "--id=instant", f"--test-rows={test_rows}") as case:
        temp, hum, wind, hour, target = columns_of(path, ("temp", "hum", "windspeed", "hr", "cnt"))
        rows = list(zip(temp, hum, wind, hour, (t * h / (1 + w) for t, h, w in zip(temp, hum, wind))))
        train = [i for i in range(len(rows)) if i not in kept_back]
        means = [mean([rows[i][j] for i in train]) for j in range(5)]
        level = mean([target[i] for i in train])
        centred = [[rows[i][j] - means[j] for i in train] for j in range(5)]
        gram = [[math.fsum(a * b for a, b in zip(x, y)) for y in centred] for x in centred]
        weights = solve(gram, [math.fsum(a * (target[i] - level) for a, i in zip(x, train)) for x in centred])
        intercept = level - sum(w * m for w, m in zip(weights, means))
        got = {row["feature"]: row["coefficient"] for row in case.table("coefficients")}
        for name, value in zip([*names, "(intercept)"], [*weights, intercept]):
            case.near(f"coefficient of {name}", got[name], value, relative=1e-8)
        want = []
        for i in sorted(kept_back):
            predicted = intercept + sum(w * x for w, x in zip(weights, rows[i]))
            want.append({"row": i, "instant": i + 1, "target": target[i], "prediction": predicted, "residual": target[i] - predicted})
        case.tables("predictions", want, ("row", "instant"), relative=1e-8, absolute=1e-8)
        errors = [row["residual"] for row in want]
        middle = mean([row["target"] for row in want])
        metrics = json.loads((case.out / "summary.json").read_text())["test"]
        case.near("MSE", metrics["MSE"], math.fsum(e * e for e in errors) / len(errors), relative=1e-9)
        case.near("MAE", metrics["MAE"], math.fsum(map(abs, errors)) / len(errors), relative=1e-9)
        case.near("R2", metrics["R2"], 1 - math.fsum(e * e for e in errors) / math.fsum((r["target"] - middle) ** 2 for r in want),
                  relative=1e-9)


def check_optimum(case, x, y, weights, intercept, c, what):
    """The gradient of 1/2 w.w + C sum log(1 + exp(-t (w.x + b))) is 0 there: the objective is strictly convex, so that is it."""
    scores = [intercept + sum(w * v for w, v in zip(weights, row)) for row in x]
    pull = [c * (1 / (1 + math.exp(-s)) - t) for s, t in zip(scores, y)]
    for j, w in enumerate(weights):
        case.near(f"{what}: gradient {j}", w + math.fsum(p * row[j] for p, row in zip(pull, x)), 0.0, absolute=1e-7 * len(y))
    case.near(f"{what}: gradient of the intercept", math.fsum(pull), 0.0, absolute=1e-7 * len(y))
    return scores


def auc(scores, y):
    order = sorted(zip(scores, y))
    ranks, at = 0.0, 0
    while at < len(order):
        end = at
        while end < len(order) and order[end][0] == order[at][0]:
            end += 1
        ranks += sum(t for _, t in order[at:end]) * (at + 1 + end) / 2
        at = end
    p = sum(y)
    return (ranks - p * (p + 1) / 2) / (p * (len(y) - p))


def standardised(columns):
    """Rows of the columns, each with mean 0 and population deviation 1."""
    return list(zip(*(standard(c, len(c)) for c in columns)))


def test_other_logistic():
    path = data("bike_sharing_hour.csv")
    names = ("temp", "hum", "windspeed", "casual", "registered")
    with Case("logistic-regression", path, "--target=workingday", "--features=" + ",".join(names), "--c=0.5") as case:
        x, y = standardised(columns_of(path, names)), columns_of(path, ("workingday",))[0]
        found = case.table("coefficients")
        by_name = {row["feature"]: float(row["intercept_free"]) for row in found}
        intercept = next(value for name, value in by_name.items() if name not in names)
        scores = check_optimum(case, x, y, [by_name[n] for n in names], intercept, 0.5, "working days")
        case.tables("train_scores", [{"row": i, "target": t, "linear_score": s, "probability": 1 / (1 + math.exp(-s))}
                                     for i, (t, s) in enumerate(zip(y, scores))], ("row",), relative=1e-7, absolute=1e-9)
        case.near("AUC", json.loads((case.out / "summary.json").read_text())["auc"],
                  auc([float(row["linear_score"]) for row in case.table("train_scores")], y), relative=1e-12)


def test_other_churn():
    """Not customers, but the same shape: which hours of the bike file belong to working days."""
    path = data("bike_sharing_hour.csv")
    numbers, kinds = ("temp", "casual"), ("season", "weathersit")
    with Case("churn", path, "--id=instant", "--target=workingday", "--positive=1", "--numeric=" + ",".join(numbers), "--flags=holiday",
              "--categorical=" + ",".join(kinds), "--top=20") as case:
        rows = rows_of(path)
        hot = [[float(row[kind] == value) for row in rows] for kind in kinds for value in sorted({r[kind] for r in rows})[1:]]
        x = [a + b for a, b in zip(standardised(columns_of(path, numbers)), zip(columns_of(path, ("holiday",))[0], *hot))]
        y = columns_of(path, ("workingday",))[0]
        found = [float(row["coefficient"]) for row in case.table("coefficients")]
        named = [row["feature"] for row in case.table("coefficients")]
        at = next(i for i, name in enumerate(named) if "intercept" in name)
        scores = check_optimum(case, x, y, found[:at] + found[at + 1:], found[at], 1.0, "churn")
        want = [{"row": i, "instant": i + 1, "churn": int(t), "probability": 1 / (1 + math.exp(-s))} for i, (t, s) in enumerate(zip(y, scores))]
        got = case.table("train_scores")
        for g, w in zip(got, want):
            p = float(g["probability"])
            case.equal("row", (g["row"], g["instant"], g["churn"]), (str(w["row"]), str(w["instant"]), str(w["churn"])))
            case.near("probability", p, w["probability"], relative=1e-7)
            case.equal("action", g["action"], "offer" if p >= 0.8 else "watch" if p >= 0.6 else "none")
        best = sorted(got, key=lambda r: (-float(r["probability"]), r["instant"].encode(), int(r["row"])))[:20]
        case.equal("the likeliest", [r["instant"] for r in case.table("top_risk")], [r["instant"] for r in best])


# ---- shops and stations ----


def test_other_customers():
    first, last, countries = "2011-02-01", "2011-08-31", ("Germany", "France", "EIRE")
    with Case("customer-value", retail(), f"--from={first}", f"--to={last}", "--countries=" + ",".join(countries), "--gross-margin=0.25") as case:
        kept = defaultdict(list)
        refunds = Counter()
        for row in rows_of(retail()):
            if row["Country"] not in countries or not first <= row["InvoiceDate"][:10] <= last or not row["CustomerID"]:
                continue
            thousandths = int(row["Quantity"]) * round(float(row["UnitPrice"]) * 1000)
            customer = int(float(row["CustomerID"]))
            if row["InvoiceNo"].startswith("C"):
                refunds[customer] += thousandths if float(row["UnitPrice"]) > 0 else 0
            elif int(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0:
                kept[customer].append((row["InvoiceNo"], thousandths, datetime.date.fromisoformat(row["InvoiceDate"][:10])))
        days = [sale[2] for sales in kept.values() for sale in sales]
        period = (max(days) - min(days)).days + 1
        want = []
        for customer, sales in sorted(kept.items()):
            orders, revenue = len({s[0] for s in sales}), sum(s[1] for s in sales)
            begin, end = min(s[2] for s in sales), max(s[2] for s in sales)
            span = (end - begin).days + 1
            share = orders / (period / 365) * (span / 365) * 0.25
            want.append({"customer": customer, "lines": len(sales), "orders": orders, "revenue": revenue / 1000, "first_day": begin,
                         "last_day": end, "lifespan_days": span, "APV": revenue / 1000 / orders, "CLV": revenue / 1000 / orders * share,
                         "revenue_net": (revenue + refunds[customer]) / 1000,
                         "CLV_net": (revenue + refunds[customer]) / 1000 / orders * share})
        fifth = math.ceil(0.2 * len(want))
        for rank, row in enumerate(sorted(want, key=lambda r: (-r["CLV"], r["customer"]))):
            row["segment"] = "high" if rank < fifth else "low" if rank >= len(want) - fifth else "middle"
        case.tables("customers", want, ("customer", "lines", "orders", "first_day", "last_day", "lifespan_days", "segment"), relative=1e-12)


def test_other_stations():
    """Stations are the brands, then the manufacturers of what was bought; ranks and clusters as the job found them."""
    households, events = data("household_demographics.csv"), data("household_transactions.csv")
    products = data("household_products.csv")
    for station in ("brand", "manufacturer_id"):
        with Case("station-popularity", None, f"--households={households}", f"--events={events}", f"--products={products}",
                  f"--station={station}", "--k=4", "--init=spaced_k", "--subsets=2", what=f"household_*.csv by {station}") as case:
            of_product = {row["product_id"]: row[station] for row in rows_of(products)}
            of_household = {row["household_id"]: (int(row["cluster"]), int(row["rank"])) for row in case.table("ranked_households")}
            views, general = defaultdict(Counter), Counter()
            for row in rows_of(events):
                name = of_product.get(row["product_id"], "")
                if not name:
                    continue
                general[name] += 1
                cluster, rank = of_household.get(row["household_id"], (None, 0))
                if cluster is not None:
                    views["all", cluster][name] += 1
                    if rank % 2 == 0:
                        views["second", cluster][name] += 1
            count = sum(general.values())
            in_order = (lambda s: (float(s), s)) if all(re.fullmatch(r"\d+", s) for s in general) else str.encode
            got = {(r["subset"], r["cluster"], r["station"]): r for r in case.table("popularity")}
            subsets = list(dict.fromkeys(key[0] for key in got))
            case.equal("subsets", len(subsets), 2)
            case.equal("rows", len(got), sum(map(len, views.values())))
            for (subset, cluster), stations in views.items():
                of_cluster = sum(stations.values())
                rows = [{"views": v, "popularity": 100 * v / of_cluster, "general": 100 * general[s] / count, "station": s}
                        for s, v in stations.items()]
                for rank, row in enumerate(sorted(rows, key=lambda r: (-r["popularity"], in_order(r["station"]))), 1):
                    row["pop_rank"] = rank
                for rank, row in enumerate(sorted(rows, key=lambda r: (-(r["popularity"] - r["general"]), in_order(r["station"]))), 1):
                    row["diff_rank_number"] = rank
                for row in rows:
                    found = got[subsets[subset != "all"], str(cluster), row["station"]]
                    for name in ("views", "pop_rank", "diff_rank_number"):
                        case.equal(f"{name} of {row['station']}", int(found[name]), row[name])
                    for name in ("popularity", "general"):
                        case.near(f"{name} of {row['station']}", found[name], row[name], relative=0)


if __name__ == "__main__":
    csv.field_size_limit(1 << 24)
    main(globals())
