# SPDX-License-Identifier: Apache-2.0
"""Documents of 200 made-up words and benchmarks of 60, as Parquet files: documents.py FOLDER DOCUMENTS BENCHMARK_ROWS.

Words are drawn by Zipf's law, so common n-grams are common. In one document of a hundred, 20 words in a row are
those of a row of the benchmark; truth.txt has how many. The same numbers give the same files."""
import itertools
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WORDS, OF_ROW, COPIED, FILES, SHARE, VOCABULARY = 200, 60, 20, 8, 0.01, 50_000


def vocabulary(random):
    """Pronounceable words; frequent ones are short."""
    syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"]
    words = []
    for length in (1, 2, 3):
        longer = ["".join(parts) for parts in itertools.product(syllables, repeat=length)]
        random.shuffle(longer)
        words += longer
    return np.array(words[:VOCABULARY], dtype=object)


def main(folder, documents, rows):
    random = np.random.default_rng(7)
    words = vocabulary(random)
    weights = 1 / np.arange(1, VOCABULARY + 1) ** 0.9
    edges = np.cumsum(weights / weights.sum())

    def draw(n, width):
        return np.minimum(np.searchsorted(edges, random.random((n, width))), VOCABULARY - 1)

    os.makedirs(f"{folder}/documents", exist_ok=True)
    bench = draw(rows, OF_ROW)
    texts = [" ".join(words[row]) for row in bench]
    pq.write_table(pa.table({"id": [f"b{i}" for i in range(rows)], "problem": texts}), f"{folder}/benchmark.parquet")
    copied = 0
    for part in range(FILES):
        first, last = documents * part // FILES, documents * (part + 1) // FILES
        schema = pa.schema([("id", pa.string()), ("text", pa.string())])
        with pq.ParquetWriter(f"{folder}/documents/{part:03}.parquet", schema) as out:
            for at in range(first, last, 10_000):
                drawn = draw(min(last, at + 10_000) - at, WORDS)
                for i in np.nonzero(random.random(len(drawn)) < SHARE)[0]:
                    row, start = random.integers(rows), random.integers(OF_ROW - COPIED)
                    to = random.integers(WORDS - COPIED)
                    drawn[i, to:to + COPIED] = bench[row, start:start + COPIED]
                    copied += 1
                batch = [" ".join(words[line]) for line in drawn]
                ids = [f"d{i}" for i in range(at, at + len(batch))]
                out.write_table(pa.table({"id": ids, "text": batch}, schema=schema))
    with open(f"{folder}/truth.txt", "w") as out:
        out.write(f"{copied}\n")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
