# SPDX-License-Identifier: Apache-2.0
"""Winnow on the DataFrames of a running PySpark session.

The session needs winnow.jar: ``spark-submit --jars winnow.jar``, or ``.config("spark.jars", "…/winnow.jar")``. Options have
the names of the command line, with underscores for dashes; a list gives an option several times. What is wrong with them
is told in one line by a ValueError.
"""

import json

__all__ = ["generate", "register_functions", "score", "verify"]

_CLASS = "io.winnow.jobs.Winnow"


def verify(df, **options):
    """``df`` with the columns of ``winnow verify --in``: verdict, extracted, detail and verified_by. Lazy.

    >>> verify(df, verifier="math", gold_column="gold", completion_column="text")
    """
    return _frame(df, "verify", options)


def score(df, **options):
    """``df`` with the columns of ``winnow score --reward``. Lazy.

    >>> score(df, reward=["accuracy", "format"], gold_column="gold", completion_column="text")
    """
    return _frame(df, "score", options)


def generate(df, **options):
    """Runs ``winnow generate`` on the prompts of ``df``, and returns the traces of its table ``out``.

    >>> generate(prompts, model="examples/model", out="traces", samples=4, verify="math")
    """
    return _frame(df, "generate", options)


def register_functions(spark):
    """Gives winnow_verify_math and the other SQL functions to a session that runs.

    A session that is still to be made takes ``spark.sql.extensions=io.winnow.jobs.sql.WinnowExtensions`` instead.
    """
    _call(_winnow(_classic(spark, "_jsparkSession")).registerFunctions, spark._jsparkSession)


def _frame(df, function, options):
    _classic(df, "_jdf")
    session = df.sparkSession
    texts = {name: _text(value) for name, value in options.items() if value is not None}
    result = _call(getattr(_winnow(session), function), df._jdf, texts)
    return type(df)(result, session)


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return json.dumps([str(each) for each in value])
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _classic(session_or_frame, attribute):
    """Refuses Spark Connect, whose client has no JVM to call."""
    if ".connect." in type(session_or_frame).__module__ or not hasattr(session_or_frame, attribute):
        raise RuntimeError(
            "Winnow needs a classic PySpark session, and this one is of Spark Connect, whose client reaches no classes of"
            " the server. Start the server with spark.sql.extensions=io.winnow.jobs.sql.WinnowExtensions and use the SQL"
            " functions, such as winnow_verify_math, or run this on a classic session."
        )
    return session_or_frame


def _winnow(session):
    winnow = session._jvm
    for part in _CLASS.split("."):
        winnow = getattr(winnow, part)
    # A class that is not there is a package to py4j.
    if not hasattr(winnow, "registerFunctions") or type(winnow).__name__ == "JavaPackage":
        raise RuntimeError(
            "The session has no winnow.jar: start it with --jars spark-jobs/target/winnow.jar, or with"
            ' .config("spark.jars", ".../winnow.jar") before the first session is made.'
        )
    return winnow


def _call(function, *arguments):
    from py4j.protocol import Py4JJavaError

    try:
        return function(*arguments)
    except Exception as e:  # PySpark gives some exceptions of the JVM another type
        told = e
        while told is not None and not isinstance(told, Py4JJavaError):
            told = told.__cause__ or told.__context__
        cause = told.java_exception if told is not None else None
        while cause is not None:
            if cause.getClass().getName().endswith(".UsageException"):
                raise ValueError(cause.getMessage()) from None
            cause = cause.getCause()
        raise
