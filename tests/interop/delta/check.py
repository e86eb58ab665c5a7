"""Reads a table of ours with delta-rs, changes it as strangers do, and reads it again: check.py WRITER FOLDER"""

import subprocess
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake


def ours(first, count):
    subprocess.run([writer, table, str(first), str(count)], check=True)


def check(rows, extra=0):
    read = DeltaTable(table)
    data = read.to_pyarrow_table().sort_by("n").to_pylist()
    assert len(data) == rows + extra, (len(data), rows, extra)
    numbers = [row["n"] for row in data if row["text"].startswith("row")]
    assert numbers == [float(n) for n in range(rows)], "every row once"
    for row in data[:rows]:
        assert row["text"] == f"row {int(row['n'])}", row
        assert row["even"] == (row["n"] % 2 == 0), row
        assert row["place"] == {"line": "L1", "cell": row["n"] % 7}, row
        late = [row["n"], row["n"] + 0.5] if row["n"] >= 100 else None
        assert row["late"] == late, row
    return read


writer, table = sys.argv[1:]
ours(0, 25)  # past our first checkpoint, and a column is added on the way
read = check(250)
assert read.version() == 24, read.version()
assert read.protocol().min_reader_version == 1 and read.protocol().min_writer_version == 2

stranger = pa.table({"n": [1e6], "text": ["stranger"]}, schema=pa.schema([("n", pa.float64()), ("text", pa.string())]))
write_deltalake(table, stranger, mode="append", schema_mode="merge")
check(250, extra=1)
ours(250, 5)  # after a commit that is not ours
check(300, extra=1)

DeltaTable(table).optimize.compact()  # removes our files, adds larger ones
DeltaTable(table).create_checkpoint()  # with columns that ours lack
ours(300, 25)  # reads their checkpoint, writes one of its own with what they removed left out
check(550, extra=1)
DeltaTable(table).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
check(550, extra=1)
print("delta-rs reads, changes and reads again what we write")
