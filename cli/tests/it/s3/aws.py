"""Runs version 1 of aws once for each line of arguments: aws.py LINES, a list of lists in JSON.

Prints a list of [code, stdout, stderr]. Starting aws takes longer than most commands.
"""

import contextlib
import io
import json
import os
import sys

from awscli.clidriver import create_clidriver

results = []
for line in json.loads(sys.argv[1]):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = create_clidriver().main(["s3", *line])
        except SystemExit as exit:
            code = exit.code
    for stream in (out, err):
        stream.flush()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    results.append([code or 0, *texts])
json.dump(results, sys.stdout)
sys.stdout.flush()
os._exit(0)
