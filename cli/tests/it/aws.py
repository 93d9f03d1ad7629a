"""Runs version 1 of aws for the tests, which would wait for its start each time: aws.py.

Prints the port that it listens on. A request is an object in JSON: words, variables, folder. So is
the answer: code, stdout, stderr. Each command has a process of its own, which has aws loaded
already. The server ends with its stdin.
"""

import contextlib
import functools
import gc
import json
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
import time
import traceback

import awscli.clidriver


def run(words):
    sys.argv = ["aws", *words]
    try:
        return awscli.clidriver.main() or 0
    except SystemExit as end:
        return end.code or 0
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def answer(connection):
    with connection.makefile("rb") as stream:
        request = json.load(stream)
    # Where aws has its models, which it says when it is loaded.
    data = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update({"AWS_DATA_PATH": data, **request["variables"]})
    os.chdir(request["folder"])
    time.tzset()
    random.seed()
    files = [tempfile.TemporaryFile(dir="/tmp") for _ in range(2)]
    for file, stream in zip(files, (sys.stdout, sys.stderr)):
        os.dup2(file.fileno(), stream.fileno())
    code = run(request["words"])
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read().decode())
    result = {"code": code, "stdout": texts[0], "stderr": texts[1]}
    connection.sendall(json.dumps(result).encode())


def prepare():
    """Loads what most commands do."""
    session = awscli.clidriver.botocore.session
    session.create_loader = functools.cache(session.create_loader)
    os.environ.update({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"})
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        run(["s3", "presign", "s3://bucket/key"])
    # Commands neither look at it for garbage, nor copy it for that.
    gc.freeze()


def serve():
    prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        if any(key.fileobj is sys.stdin for key, _ in selector.select()):
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
            try:
                answer(connection)
            finally:
                os._exit(0)
        connection.close()


serve()
