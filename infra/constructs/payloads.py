"""The bucket for payloads and outputs that are too large for an item."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environments import Environment

# A run row outlives its acceptance by 7 days, and DynamoDB deletes expired items within 2 more; 1 day for good measure.
DAYS_BEYOND_RETENTION = 10


class PayloadBucket(Construct):
    """Encrypted, private, TLS only; objects go when nothing points at them any more."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        """Make the bucket. CloudFormation names it: a name that can be guessed can be taken by somebody else."""
        super().__init__(scope, "Payloads")
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=environment.tls_only,
            minimum_tls_version=1.2 if environment.tls_only else None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    expiration=Duration.days(environment.retention_days + DAYS_BEYOND_RETENTION),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN if environment.keeps_data else RemovalPolicy.DESTROY,
        )

    @property
    def name(self) -> str:
        return self.bucket.bucket_name

    @property
    def arn(self) -> str:
        return self.bucket.bucket_arn

    @property
    def objects_arn(self) -> str:
        return self.bucket.arn_for_objects("*")
