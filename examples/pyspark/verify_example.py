# SPDX-License-Identifier: Apache-2.0
"""Verdicts, rewards, majorities and SQL functions from PySpark.

    PYTHONPATH=examples/pyspark spark-submit --jars spark-jobs/target/winnow.jar examples/pyspark/verify_example.py

or, with pip's pyspark alone,

    PYTHONPATH=examples/pyspark WINNOW_JAR=spark-jobs/target/winnow.jar python examples/pyspark/verify_example.py
"""

import os

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import winnow_spark as winnow

builder = (
    SparkSession.builder.appName("winnow-example")
    .config("spark.sql.extensions", "io.winnow.jobs.sql.WinnowExtensions")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
)
if "WINNOW_JAR" in os.environ:
    builder = builder.master("local[2]").config("spark.jars", os.environ["WINNOW_JAR"])
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

samples = spark.createDataFrame(
    [
        ("p1", "1/2", "Half of it: \\boxed{0.5}"),
        ("p1", "1/2", "So the answer is \\frac{1}{2}."),
        ("p1", "1/2", "<think>Hm.</think>\\boxed{2}"),
        ("p2", "7", "The answer is 8."),
        ("p2", "7", "\\boxed{8.0}"),
    ],
    "prompt_id string, gold string, text string",
)

judged = winnow.verify(samples, verifier="math", completion_column="text", majority=True, group_column="prompt_id")
rows = judged.select("prompt_id", "text", "verdict", "majority_votes", "majority_share", "majority_verdict").collect()
for row in rows:
    print(row)
assert [row.verdict for row in rows].count("correct") == 2
assert [row.prompt_id for row in rows if row.majority_votes == 2 and row.majority_verdict == "correct"] == ["p1"] * 3

suspicious = winnow.verify(
    samples, verifier="math", completion_column="text", report="golds", group_column="prompt_id"
).collect()
print("suspicious:", [(row.prompt_id, row.gold_suspicion, row.gold_detail) for row in suspicious])
assert [row.prompt_id for row in suspicious] == ["p2"]

scored = winnow.score(samples, reward=["accuracy:weight=2", "format"], completion_column="text")
totals = [row.total for row in scored.collect()]
print("rewards:", totals)
assert totals == [2.0, 2.0, 0.0, 0.0, 0.0]

samples.createOrReplaceTempView("samples")
passed = spark.sql(
    """SELECT prompt_id, winnow_pass_at_k(count(*), count_if(v.value = 'correct'), 2) AS pass_at_2
       FROM (SELECT *, winnow_verify_math(gold, text) AS v FROM samples) GROUP BY prompt_id ORDER BY prompt_id"""
)
estimates = {row.prompt_id: row.pass_at_2 for row in passed.collect()}
print("pass@2:", estimates)
assert estimates == {"p1": 1.0, "p2": 0.0}
described = spark.sql("DESCRIBE FUNCTION EXTENDED winnow_verify_math").collect()
assert any("Usage: winnow_verify_math(gold, text" in row[0] for row in described), described
equal = samples.select(F.expr("winnow_math_equal(gold, winnow_extract_answer(text))").alias("e")).collect()
assert [row.e for row in equal] == [True, True, False, False, False], equal

try:
    winnow.verify(samples, verifier="maths", completion_column="text")
    raise SystemExit("an unknown verifier was taken")
except ValueError as e:
    assert "Known verifiers" in str(e), e

spark.stop()
print("PySpark example: all as expected")
