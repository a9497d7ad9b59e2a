#!/usr/bin/env python3
"""What clusters of households watch, and k-means that follows a stream."""
import csv
import json

from golden import bits, check, close, compare, data, golden_csv, golden_json, read, run, sha, table, main

HOUSEHOLDS, EVENTS, PRODUCTS = "household_demographics.csv", "household_transactions.csv", "household_products.csv"


class Worst:
    """The largest relative deviation of a group of values."""

    def __init__(self):
        self.groups = {}

    def see(self, group, got, want):
        deviation = 0.0 if bits(got) == bits(want) else abs(float(got) - float(want)) / max(abs(float(got)), abs(float(want)))
        worst, values = self.groups.get(group, (0.0, 0))
        self.groups[group] = max(worst, deviation), values + 1
        return deviation

    def tables(self, group, got, want, names):
        for g, w in zip(got[1:], want[1:]):
            for name, x, y in zip(want[0], g, w):
                if name in names and x != "" and y != "":
                    self.see(group, x, y)

    def tell(self):
        for group, (worst, values) in self.groups.items():
            print(f"  {group}: {values} values, worst deviation {worst:.2g}")


def popularity(*options, fails=None, events=None, households=None):
    options = [*options, f"--events={events or data(EVENTS)}"]
    if not any(o.startswith("--clusters") for o in options):
        options.append(f"--households={households or data(HOUSEHOLDS)}")
    return run("station-popularity", None, *options, fails=fails)


def rows_of(path):
    return list(csv.reader(open(path, newline="")))


def check_popularity(variant, out, worst):
    facts = golden_json("station_popularity/facts")
    exact = {"general": ["general"], "popularity": ["popularity", "general", "diff_rank"],
             "top7": ["diff_rank_all", "diff_rank_third", "diff_rank_seventeenth"], "dynamic": ["diff_rank"]}
    for name, doubles in exact.items():
        want = golden_csv(f"station_popularity/{variant}_{name}" + ("_5000" if name == "dynamic" else ""))
        got = read(out / name)
        check(got[0] == want[0] and len(got) == len(want), f"{variant} {name}: shape {got[0]}, {len(got)} rows for {len(want)}")
        for g, w in zip(got[1:], want[1:]):
            same = all(bits(x) == bits(y) if column in doubles else x == y for column, x, y in zip(want[0], g, w))
            if not same:
                check(False, f"{variant} {name}: {g} for {w}")
                break
        worst.tables(f"{variant} {name}", got, want, doubles)
    ranked, want = read(out / "ranked_households"), golden_csv("station_popularity/ranked_households")
    check([r[:3] for r in ranked] == [r[:3] for r in want], "ranked households: ids, clusters, ranks")
    for g, w in zip(ranked[1:], want[1:]):
        check(bits(g[3]) == bits(w[3]), f"distance_single of {w[0]}: {g[3]} for {w[3]}")
        check(worst.see(f"{variant} ranked_households distance", g[4], w[4]) <= 1e-9, f"distance of {w[0]}")
    summary = json.loads((out / "summary.json").read_text())
    events = facts["events"][variant]
    check(summary["households"] == facts["households"] and summary["cluster_sizes"] == facts["cluster_sizes"], "households")
    check(worst.see(f"{variant} k-means cost", summary["kmeans_final_cost"], facts["kmeans_final_cost"]) <= 1e-9, "cost")
    check(summary["households_in_subset"] == events["households_in_subset"], f"subsets: {summary['households_in_subset']}")
    for key in ("rank_gap", "close_pairs_of_different_features", "close_pairs_sample"):
        check(summary[key] == facts[key], f"{key}: {summary[key]} for {facts[key]}")
    got = summary["events"]
    check({key: got[key] for key in events} == events, f"events: {got}")
    check(set(facts) <= set(summary), f"keys of the summary: {set(facts) - set(summary)}")
    check(got["without_station"] == 75000 - events["all"], f"{got['without_station']} events without a station")


def test_popularity():
    worst = Worst()
    variants = {"store": ["--station=store_id"], "department": ["--station=department", f"--products={data(PRODUCTS)}"]}
    for variant, options in variants.items():
        out = popularity(*options, "--batches")
        check_popularity(variant, out, worst)
        # Other splits and partitions; everything joined by shuffles: the same tables.
        cut = popularity(*options, "--split-bytes=300000", "--partitions=3")
        shuffled = popularity(*options, "--split-bytes=300000", "--partitions=3", "--broadcast-bytes=0")
        for name in ("general", "popularity", "top7"):
            check(read(cut / name) == read(out / name), f"{variant} {name}: other splits")
            check(read(shuffled / name) == read(out / name), f"{variant} {name}: joined by a shuffle")
        check((shuffled / "summary.json").read_text() == (cut / "summary.json").read_text(), f"{variant}: summary of shuffles")
    worst.tell()
    # The whole table again, found another way: spaced_k, by hand.
    out = popularity("--station=store_id", "--init=spaced_k", "--subsets=2", "--top=3")
    check_by_hand(out, 2, 3)


def check_by_hand(out, divisor, top):
    """Counts of the output against counts made here, with the clusters and ranks of the output."""
    member = {row[0]: (row[1], int(row[2])) for row in read(out / "ranked_households")[1:]}
    want = {row[0]: row[-1] for row in [r[1:] for r in golden_csv("kmeans/household_k6_spaced_k_labels")[1:]]}
    check({k: v[0] for k, v in member.items()} == want, "spaced_k: labels")
    events = rows_of(data(EVENTS))[1:]
    views, of_cluster, general = {}, {}, {}
    for household, store, *_ in events:
        general[store] = general.get(store, 0) + 1
        cluster, rank = member.get(household, (None, 1))
        if rank % divisor == 0:
            views[cluster, store] = views.get((cluster, store), 0) + 1
            of_cluster[cluster] = of_cluster.get(cluster, 0) + 1
    best = {}
    for (cluster, store), n in views.items():
        difference = 100 * n / of_cluster[cluster] - 100 * general[store] / len(events)
        best.setdefault(cluster, []).append((-difference, int(store)))
    got = read(out / "top7")
    check(got[0] == ["cluster", "rank", "station_all", "diff_rank_all", "station_second", "diff_rank_second"], f"{got[0]}")
    for cluster, rank, _, _, store, difference in got[1:]:
        minus, number = sorted(best[cluster])[int(rank) - 1]
        check(store == str(number) and bits(difference) == bits(repr(-minus)), f"by hand: {cluster} {rank} {store}")
    check(len(got) == 1 + 6 * top, f"top={top}: {len(got)} rows")


def test_popularity_given():
    """Clusters given: the same counts as with the clusters found; stations as texts; events that match nothing."""
    found = popularity("--station=store_id")
    clusters = table("clusters.csv", [["cluster", "household_id"]] + [[r[1], r[0]] for r in read(found / "ranked_households")[1:]])
    for options in (("--batches", "--batch=20000", "--triggers=9"), ("--broadcast-bytes=0", "--partitions=2")):
        out = popularity("--station=store_id", f"--clusters={clusters}", *options)
        top = read(out / "top7")
        check(top[0] == ["cluster", "rank", "station_num", "popularity", "general", "difference"], f"top7: {top[0]}")
        want = [r for r in read(found / "popularity")[1:] if r[0] == "all" and int(r[9]) <= 7]
        want.sort(key=lambda r: (int(r[1]), int(r[9])))
        check(top[1:] == [[r[1], r[9], r[2], r[5], r[6], r[7]] for r in want], "top7 of given clusters")
        dynamic = read(out / "dynamic")
        last = [r for r in dynamic[1:] if r[0] == "4"]
        check("--batches" not in options or dynamic[-1][1] == "75000" and [r[4] for r in last] == [r[2] for r in top[1:]], "all batches: the whole")
    events = table("events.csv", [["household_id", "channel"], ["a", "ten"], ["a", "two"], ["b", "two"], ["b", ""], ["", "two"],
                                  ["nobody", "9"], ["c", "10"], ["c", "9"]])
    groups = table("groups.csv", [["household_id", "cluster"], ["a", "x"], ["b", "x"], ["c", "10"], ["lonely", "9"]])
    for options in ((), ("--broadcast-bytes=0",)):
        out = popularity("--station=channel", f"--clusters={groups}", "--top=2", *options, events=events)
        check([r[:3] for r in read(out / "top7")[1:]] == [["10", "1", "10"], ["10", "2", "9"], ["x", "1", "two"], ["x", "2", "ten"]],
              f"small: {read(out / 'top7')}")
        check(read(out / "general")[1:] == [["10", "1", repr(100 / 7)], ["9", "2", repr(200 / 7)], ["ten", "1", repr(100 / 7)],
                                            ["two", "3", repr(300 / 7)]], f"small general: {read(out / 'general')}")
        got = json.loads((out / "summary.json").read_text())["events"]
        check(got == {"all": 7, "stations": 4, "without_station": 1, "joined": {"all": 5}, "households_in_subset": {"all": 4}},
              f"small: {got}")


def test_popularity_margins():
    """Households nearly as far from their centre as another, of other features: counted and shown."""
    header = rows_of(data(HOUSEHOLDS))[0]
    # One cluster; ages 30 and 50 lie on both sides of the mean age of 40, equally far from it.
    ages = {"1": "30", "2": "50", "3": "30", "4": "40", "5": "40", "6": "50"}
    people = [[age if c == "age" else name if c == "household_id" else "1" if c in ("income", "household_size", "kids_count") else "x"
               for c in header] for name, age in ages.items()]
    events = table("few_e.csv", [["household_id", "store_id"], ["1", "7"]])
    out = popularity("--station=store_id", "--k=1", households=table("few_h.csv", [header, *people]), events=events)
    ranked = read(out / "ranked_households")
    check([row[0] for row in ranked[1:]] == ["4", "5", "1", "2", "3", "6"], f"ranks: {ranked}")
    summary = json.loads((out / "summary.json").read_text())
    check(summary["close_pairs_of_different_features"] == 3, f"close pairs: {summary['close_pairs_of_different_features']}")
    check([pair[:3] for pair in summary["close_pairs_sample"]] == [[0, "1", "2"], [0, "2", "3"], [0, "3", "6"]], f"{summary['close_pairs_sample']}")
    # From distance 0 to the first other one: all of it, but for the rounding of the mean.
    check(close(summary["rank_gap"], 1.0, 1e-6), f"gap: {summary['rank_gap']}")


def test_popularity_errors():
    store, clusters = "--station=store_id", table("c.csv", [["household_id", "cluster"], ["1", "0"], ["2", "1"]])
    popularity("--station=store_idd", f"--clusters={clusters}", fails=(2, "there is no column 'store_idd'; did you mean 'store_id'?"))
    popularity(store, f"--clusters={table('c2.csv', [['household', 'cluster'], ['1', '0']])}", fails=(2, "did you mean 'household'?"))
    popularity(store, "--batch=0", "--batches", fails=(2, "--batch"))
    popularity(store, "--batches", "--broadcast-bytes=1000", fails=(1, "larger than --broadcast-bytes=1000; raise it"))
    popularity(store, "--top=0", fails=(2, "--top must be 1"))
    popularity(store, "--subsets=3,x", fails=(2, "--subsets"))
    popularity(store, "--subsets=0", fails=(2, "every 0th household"))
    popularity(store, "--k=0", fails=(1, "k must be 1 at least"))
    popularity(store, "--k=802", fails=(1, "k = 802 clusters are more than the 801 rows"))
    popularity(store, "--k=nine", fails=(2, "--k"))
    run("station-popularity", None, f"--events={data(EVENTS)}", store, fails=(2, "either --households"))
    popularity(store, f"--clusters={table('twice.csv', [['household_id', 'cluster'], ['1', '0'], ['2', '1'], ['1', '1']])}",
               fails=(1, "household_id '1' stands in several rows"))
    popularity(store, "--broadcast-bytes=0", f"--clusters={table('twice.csv', [['household_id', 'cluster'], ['1', '0'], ['2', '1'], ['1', '1']])}",
               fails=(1, "household_id '1' stands in several rows"))
    popularity(store, f"--clusters={table('hole.csv', [['household_id', 'cluster'], ['1', '']])}", fails=(1, "a row has no cluster"))
    popularity(store, f"--clusters={table('hole2.csv', [['household_id', 'cluster'], ['', '2']])}", fails=(1, "a row has no household_id"))
    products = table("p.csv", [["product_id", "department"], ["1", "A"], ["1", "B"]])
    popularity("--station=department", f"--products={products}", f"--clusters={clusters}", fails=(1, "product_id '1' stands in several rows"))
    demographics = rows_of(data(HOUSEHOLDS))
    popularity(store, households=table("twice_h.csv", demographics + [demographics[5]]), fails=(1, "stands in several rows"))
    broken = [row[:] for row in demographics[:20]]
    broken[7][1] = "old"
    popularity(store, households=table("broken.csv", broken), fails=(1, f"column 'age' has no number in 'old' in the row of household_id '{broken[7][0]}'"))
    popularity(store, events=table("empty.csv", []), fails=(2, "empty.csv"))
    popularity(store, events=table("header.csv", [["household_id", "store_id"]]), fails=(2, "has no records"))
    # One household, one event: everything is what everybody watches.
    out = popularity(store, "--k=1", households=table("one_h.csv", demographics[:2]),
                     events=table("one_e.csv", [["household_id", "store_id"], ["1", "7"]]))
    check(read(out / "top7")[1:] == [["0", "1", "7", "0.0", "", "", "", ""]], f"one event: {read(out / 'top7')}")
    # No event of a known household: nobody's popularity, and no error.
    out = popularity(store, "--k=1", "--batches", households=table("one_h.csv", demographics[:2]),
                     events=table("other_e.csv", [["household_id", "store_id"], ["5", "7"]]))
    check(len(read(out / "top7")) == 1 and read(out / "general")[1:] == [["7", "1", "100.0"]], "no known household")


FEATURES = "--features=temp,atemp,hum,windspeed,casual,registered"


def streaming(centres, *options, path=None, fails=None):
    return run("streaming-kmeans", path or data("bike_sharing_hour.csv"), FEATURES, *([f"--centres={centres}"] if centres else []),
               *options, fails=fails)


def check_stream(name, out, worst):
    facts, want = golden_json("streaming_kmeans/facts")[name], golden_csv(f"streaming_kmeans/{name}")
    got = read(out / "batches")
    check(got[0] == want[0] and len(got) == len(want), f"{name}: shape {got[0][:4]}, {len(got)} rows for {len(want)}")
    for g, w in zip(got[1:], want[1:]):
        for column, x, y in zip(want[0], g, w):
            if column.startswith("n_") or column in ("batch", "points", "split"):
                check(x == y, f"{name} batch {w[0]} {column}: {x} for {y}")
            else:
                group = "costs" if column.endswith("_cost") else column.split("_")[0] + "s"
                check(worst.see(f"{name} {group}", x, y) <= 1e-9, f"{name} batch {w[0]} {column}: {x} for {y}")
    summary = json.loads((out / "summary.json").read_text())
    for key in ("batches", "split_batches"):
        check(summary[key] == facts[key], f"{name} {key}: {summary[key]}")
    if not facts["split_batches"]:
        check(summary["test_label_counts"] == facts["test_label_counts"], f"{name}: labels {summary['test_label_counts']}")
    for key in ("final_test_cost", "sum_batch_cost", "sum_test_cost"):
        check(worst.see(f"{name} sums", summary[key], facts[key]) <= 1e-9, f"{name} {key}: {summary[key]}")
    check(abs(summary["label_margin"] - facts["label_margin"]) <= 1e-9, f"{name} margin: {summary['label_margin']}")
    for got_batch, want_batch in zip(summary["first_batches"], facts["first_batches"]):
        check(got_batch["counts"] == want_batch["counts"], f"{name} first batches: {got_batch}")
        for key in ("batch_cost", "test_cost"):
            check(worst.see(f"{name} first batches", got_batch[key], want_batch[key]) <= 1e-9, f"{name} first batches {key}")
    check(len(summary["first_batches"]) == len(facts["first_batches"]), f"{name}: {len(summary['first_batches'])} first batches")
    check(set(facts) <= set(summary), f"{name}, keys of the summary: {set(facts) - set(summary)}")
    for g, w in zip(sum(summary["final_centres"], []) + summary["final_weights"], sum(facts["final_centres"], []) + facts["final_weights"]):
        check(close(g, w, 1e-9), f"{name}: final {g} for {w}")
    return summary


def test_streaming():
    centres, worst = table("initial.csv", golden_csv("streaming_kmeans/initial_centres")), Worst()
    for rule in ("seed", "spark"):
        for batch in (100, 1000, 100000):
            out = streaming(centres, f"--batch={batch}", f"--rule={rule}")
            name = f"b{batch}_{rule}"
            check_stream(name, out, worst)
            if name == "b1000_seed":
                check(read(out / "test_labels") == golden_csv("streaming_kmeans/b1000_seed_test_labels"), "test labels")
            cut = streaming(centres, f"--batch={batch}", f"--rule={rule}", "--split-bytes=40000", "--partitions=3")
            check(close(json.loads((cut / "summary.json").read_text())["sum_test_cost"],
                        json.loads((out / "summary.json").read_text())["sum_test_cost"], 1e-12), f"{name}: other splits")
    far = golden_csv("streaming_kmeans/initial_centres")
    far[3] = [far[3][0]] + ["50"] * 6
    # Up to the batch that ends with a split; behind it the labels of the twins are noise.
    out = streaming(table("far.csv", far), "--rule=spark", "--decay=0.5")
    want, got = golden_csv("streaming_kmeans/b100_far_spark_until_split"), read(out / "batches")
    check(len(want) == 21 and len(got) == 141, f"far: {len(got)} rows")
    for g, w in zip(got[1:21], want[1:]):
        for column, x, y in zip(want[0], g, w):
            ok = x == y if column.startswith("n_") or column in ("batch", "points", "split") else worst.see("far", x, y) <= 1e-9
            check(ok, f"far batch {w[0]} {column}: {x} for {y}")
    summary = json.loads((out / "summary.json").read_text())
    check(summary["split_batches"][0] == 19, "far: the split")
    # Twins are as near as can be: no label of theirs is sure.
    check(0 <= summary["label_margin"] < 1e-9, f"far: margin {summary['label_margin']}")
    worst.tell()
    # Half-life: 0.5^(1/n) per batch; test costs of every third batch only.
    half = streaming(centres, "--batch=1000", "--half-life=1")
    decay = streaming(centres, "--batch=1000", "--decay=0.5", "--test-every=3")
    check([r[:3] + r[4:] for r in read(half / "batches")] == [r[:3] + r[4:] for r in read(decay / "batches")], "half-life")
    check([r[3] != "" for r in read(decay / "batches")[1:]] == [i % 3 == 0 for i in range(14)], "test-every")
    # Drawn centres: by the seed, and nothing else.
    first = [read(streaming(None, "--batch=5000", f"--seed={seed}") / "batches") for seed in (1, 1, 2)]
    check(first[0] == first[1] and first[0] != first[2], "drawn centres")


def test_streaming_errors():
    streaming(None, "--batch=0", fails=(2, "--batch=0"))
    streaming(None, "--train-fraction=0", fails=(2, "--train-fraction"))
    streaming(None, "--train-fraction=0.00001", fails=(1, "the stream gets none"))
    streaming(None, "--decay=1.5", fails=(2, "--decay"))
    streaming(None, "--half-life=-1", fails=(2, "--half-life"))
    streaming(None, "--rule=mine", fails=(2, "seed|spark"))
    streaming(None, "--k=0", fails=(1, "--k must be 1"))
    streaming(None, "--k=20000", fails=(1, "k = 20000 clusters are more than the 13903 rows of the stream"))
    run("streaming-kmeans", data("bike_sharing_hour.csv"), "--features=temp,hums", fails=(2, "did you mean 'hum'?"))
    run("streaming-kmeans", data("bike_sharing_hour.csv"), "--features=temp,dteday", fails=(2, "column 'dteday' is not numeric"))
    streaming(table("narrow.csv", [["cluster", "temp"], [0, 1]]), fails=(1, "there is no column 'atemp'"))
    run("streaming-kmeans", table("nothing.csv", []), fails=(2, "nothing.csv"))
    run("streaming-kmeans", table("hole.csv", [["a", "b"], [1, 2], [3, ""], [5, 6]]), fails=(1, "is missing"))
    run("streaming-kmeans", table("nan.csv", [["a", "b"], [1, 2], [3, "nan"], [5, 6]]), fails=(1, "is missing"))
    # One row; a constant column; no test rows.
    out = run("streaming-kmeans", table("row.csv", [["a", "b"], [1, 2]]), "--k=1", "--train-fraction=1")
    got = read(out / "batches")
    check(len(got) == 2 and got[1][1] == "1" and got[1][3] == "", f"one row: {got}")
    out = run("streaming-kmeans", table("same.csv", [["a", "b"]] + [[7, i] for i in range(10)]), "--k=2", "--batch=3")
    got = read(out / "batches")
    check([r[1] for r in got[1:]] == ["3", "3", "2"], f"batches of 3: {[r[1] for r in got]}")


if __name__ == "__main__":
    main(globals())
