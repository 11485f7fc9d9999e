"""Empty the payload bucket before its stack is removed: `python -m tools.empty_bucket --env dev`.

CloudFormation deletes no bucket that holds something. In `prod` the bucket outlives the stack, so it is left alone.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


def bucket_of(environment: str) -> str | None:
    """The payload bucket of a deployed environment; None if it is not deployed."""
    cloudformation = boto3.client("cloudformation")
    try:
        stacks = cloudformation.describe_stacks(StackName=f"workerflow-{environment}")["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
    return outputs.get("PayloadBucket")


def empty(bucket: str) -> int:
    """Delete every object; returns how many there were."""
    deleted = 0
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys: list[ObjectIdentifierTypeDef] = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            deleted += len(keys)
    return deleted


def main(arguments: list[str]) -> int:
    """Empty the bucket of `dev`; say what is kept of `prod`."""
    parser = argparse.ArgumentParser(prog="python -m tools.empty_bucket", description=__doc__)
    parser.add_argument("--env", required=True, choices=("dev", "prod"))
    environment = parser.parse_args(arguments).env
    if environment == "prod":
        print("prod keeps its tables, bucket and logs; the stack is protected, and lets go only by hand.")
        return 0
    try:
        bucket = bucket_of(environment)
        print("Nothing is deployed." if bucket is None else f"{empty(bucket)} objects deleted from {bucket}.")
    except (ClientError, BotoCoreError) as error:
        print(f"workerflow: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
