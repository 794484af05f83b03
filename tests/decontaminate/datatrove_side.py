# SPDX-License-Identifier: Apache-2.0
"""datatrove's n-gram decontamination of the files that documents.py makes: datatrove_side.py FOLDER N WORKERS.

Its own filter, reader and writer, as its LocalPipelineExecutor runs them. Its indexer asks for all of lighteval, which
names the benchmarks of a leaderboard; the index is the hashes that the same functions make. Prints the seconds of the
index, those of the filter, and the documents that stayed."""
import glob
import os
import shutil
import sys
import time

import numpy as np
import pyarrow.parquet as pq
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import create_hash_func
from datatrove.utils.text import ngrams, simplify_text
from datatrove.utils.word_tokenizers import load_word_tokenizer


def index(folder, config):
    tokenizer, hashed = load_word_tokenizer("eng"), create_hash_func(config.hash_config)
    hashes = set()
    for text in pq.read_table(f"{folder}/benchmark.parquet")["problem"].to_pylist():
        tokens = tokenizer.word_tokenize(simplify_text(text, config.norm_config))
        hashes.update(map(hashed, map(" ".join, ngrams(tokens, config.n_grams))))
    os.makedirs(f"{folder}/index", exist_ok=True)
    np.array(list(hashes), dtype=config.hash_config.np_descr).tofile(f"{folder}/index/benchmark.index.hashes")


def main(folder, n, workers):
    for made in ("index", "clean", "logs"):
        shutil.rmtree(f"{folder}/{made}", ignore_errors=True)
    config = NGramsDecontConfig(n_grams=n)
    start = time.perf_counter()
    index(folder, config)
    indexed = time.perf_counter()
    LocalPipelineExecutor(
        pipeline=[
            ParquetReader(f"{folder}/documents"),
            NGramsDecontFilter(f"{folder}/index", config=config),
            ParquetWriter(f"{folder}/clean"),
        ],
        tasks=len(glob.glob(f"{folder}/documents/*.parquet")),
        workers=workers,
        logging_dir=f"{folder}/logs",
    ).run()
    end = time.perf_counter()
    left = sum(pq.read_metadata(file).num_rows for file in glob.glob(f"{folder}/clean/*.parquet"))
    print(f"{indexed - start:.2f} {end - indexed:.2f} {left}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
