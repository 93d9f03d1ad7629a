"""Prints where botocore presigns objects of S3, as JSON: one row for each combination of settings.

The addressing style is virtual. With the default, botocore moves URLs of the partition aws to the
global endpoint, which version 2 of the AWS CLI does not.
"""

import itertools
import json
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

REGIONS = [
    "us-east-1",
    "eu-west-1",
    "aws-global",
    "us-gov-west-1",
    "cn-north-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "eusc-de-east-1",
]
session = botocore.session.Session()
session.set_credentials("AKIDEXAMPLE", "secret")


def presign(region, fips, dual_stack, accelerate, bucket):
    """Returns the URL without its query, and the region of the scope; None if it is refused."""
    s3 = {
        "addressing_style": "virtual",
        "us_east_1_regional_endpoint": "regional",
        "use_accelerate_endpoint": accelerate,
    }
    config = Config(
        s3=s3,
        signature_version="s3v4",
        use_fips_endpoint=fips,
        use_dualstack_endpoint=dual_stack,
    )
    try:
        client = session.create_client("s3", region_name=region, config=config)
        parameters = {"Bucket": bucket, "Key": "k"}
        url = client.generate_presigned_url("get_object", parameters)
    except BotoCoreError:
        return None
    place, query = url.split("?")
    return [place, query.split("X-Amz-Credential=")[1].split("%2F")[2]]


flags = [False, True]
rows = [
    {"settings": row, "url": presign(*row)}
    for row in itertools.product(REGIONS, flags, flags, flags, ["bkt", "my.bkt"])
]
json.dump(rows, sys.stdout)
