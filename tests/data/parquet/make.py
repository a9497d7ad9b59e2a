#!/usr/bin/env python3
"""Makes the Parquet files beside it, by other programs than Millrace: pyarrow 26.0.1, polars 2.1.0, duckdb 2.0.0.

`python3 make.py PRICES.csv` with tests/data/ohlcv_2023_15_symbols.csv, unpacked. The tests read what lies here; they need none
of these programs.
"""
import datetime
import decimal
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(n):
    """What test_parquet.py expects of types_*.parquet; row i, None where it is missing."""
    for i in range(n):
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=i)
        at = datetime.datetime(2020, 1, 1, 12, 30, 15, 250000) + datetime.timedelta(hours=i)
        row = {"flag": i % 2 == 0, "small": i - 50, "big": 10**15 + i, "unsigned": 2**32 - 1 - i, "single": i / 4, "real": i / 10,
               "day": day, "at": at, "name": f"näme {i % 3}", "kind": f"kind {i % 2}", "price": decimal.Decimal(100 * i + 5) / 100,
               "place": {"x": i, "label": f"p{i}"}, "tags": [str(i)] * (i % 3)}
        for j, key in enumerate(row):
            if (i + j) % 11 == 0 and key not in ("tags",):
                row[key] = None
        yield row


def types(pa, pq):
    schema = pa.schema([
        ("flag", pa.bool_()), ("small", pa.int8()), ("big", pa.int64()), ("unsigned", pa.uint32()), ("single", pa.float32()),
        ("real", pa.float64()), ("day", pa.date32()), ("at", pa.timestamp("us", tz="UTC")), ("name", pa.string()),
        ("kind", pa.dictionary(pa.int32(), pa.string())), ("price", pa.decimal128(10, 2)),
        ("place", pa.struct([("x", pa.int32()), ("label", pa.string())])), ("tags", pa.list_(pa.string()))])
    table = pa.Table.from_pylist(list(rows(100)), schema)
    pq.write_table(table, f"{HERE}/types_pyarrow.parquet", compression="zstd", row_group_size=40)
    # As older writers have it: instants in milliseconds, int96 and whole nanoseconds, no dictionaries, no statistics.
    old = pa.table({"ms": pa.array([0, None, 86_400_000 * 5], pa.timestamp("ms")),
                    "ns": pa.array([1000, None, 86_400_000_000_000], pa.timestamp("ns")),
                    "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2))})
    pq.write_table(old, f"{HERE}/old_pyarrow.parquet", compression="gzip", use_dictionary=False, write_statistics=False)
    pq.write_table(old.select(["ns"]), f"{HERE}/int96_pyarrow.parquet", use_deprecated_int96_timestamps=True)
    fine = pa.table({"ns": pa.array([1], pa.timestamp("ns"))})
    pq.write_table(fine, f"{HERE}/nanos_pyarrow.parquet")
    # Neither packed nor with checksums: what a damaged byte changes is seen by nobody but the reader.
    bare = pa.table({"name": [f"name {i % 37}" for i in range(600)], "number": [i % 11 * 1000 for i in range(600)],
                     "long": [None if i % 9 == 0 else "x" * (i % 40) + str(i) for i in range(600)]})
    pq.write_table(bare, f"{HERE}/plain_pyarrow.parquet", compression="none", use_dictionary=["name", "number"],
                   row_group_size=250)


def main():
    import duckdb
    import polars
    import pyarrow as pa
    import pyarrow.parquet as pq
    types(pa, pq)
    prices = sys.argv[1]
    few = polars.read_csv(prices).filter(polars.col("Symbol").is_in(["AAPL", "TTD"]))  # days stay texts
    few.write_parquet(f"{HERE}/prices_polars.parquet", compression="lz4", row_group_size=100)
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{prices}') WHERE Symbol IN ('AAPL', 'TTD')) TO '{HERE}/prices_duckdb.parquet' "
               "(FORMAT parquet, COMPRESSION snappy)")


if __name__ == "__main__":
    main()
