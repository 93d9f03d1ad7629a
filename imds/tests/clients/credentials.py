"""Prints the credentials that boto3 finds, as JSON lines.

They are printed at once, and again after each of the given numbers of seconds.
"""

import json
import sys
import time

import boto3

found = boto3.Session(region_name="us-east-1").get_credentials()
for pause in [0, *map(float, sys.argv[1:])]:
    time.sleep(pause)
    key = found.get_frozen_credentials() if found else None
    print(json.dumps({"method": found.method, **key._asdict()} if key else None))
