"""What holds data: tables, queues, bucket. The emulator drops much of this, so it is proven on the template."""

from __future__ import annotations

import pytest

from infra.constructs.payloads import DAYS_BEYOND_RETENTION
from tests.infra.templates import Resources
from workerflow.tables import TABLES, Table, table_name

TABLE = "AWS::DynamoDB::GlobalTable"


def table_of(resources: Resources, table: Table) -> tuple[dict[str, object], dict[str, object]]:
    """A table's properties, and those of its one replica."""
    name = table_name(resources.environment.prefix, table)
    (properties,) = [found for found in resources.of(TABLE).values() if found["TableName"] == name]
    (replica,) = properties["Replicas"]
    return dict(properties), dict(replica)


def test_there_are_the_defined_tables_and_no_others(every: Resources) -> None:
    names = {found["TableName"] for found in every.of(TABLE).values()}
    assert names == {table_name(every.environment.prefix, table) for table in TABLES}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_has_the_defined_keys_and_indexes(prod: Resources, table: Table) -> None:
    properties, _ = table_of(prod, table)
    keys = [table.partition_key, *([table.sort_key] if table.sort_key else [])]
    assert [key["AttributeName"] for key in properties["KeySchema"]] == keys  # type: ignore[attr-defined]
    indexes = {index["IndexName"]: index for index in properties.get("GlobalSecondaryIndexes", [])}  # type: ignore[attr-defined]
    assert set(indexes) == {index.name for index in table.indexes}
    for index in table.indexes:
        made = indexes[index.name]
        assert [key["AttributeName"] for key in made["KeySchema"]] == [index.partition_key, index.sort_key]
        assert made["Projection"]["ProjectionType"] == index.projection.value
        assert sorted(made["Projection"].get("NonKeyAttributes", [])) == sorted(index.included)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_paid_by_request_recoverable_and_encrypted(every: Resources, table: Table) -> None:
    properties, replica = table_of(every, table)
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_forgets_by_its_ttl_attribute(every: Resources, table: Table) -> None:
    properties, _ = table_of(every, table)
    ttl = {"AttributeName": table.ttl_attribute, "Enabled": True} if table.ttl_attribute else None
    assert properties.get("TimeToLiveSpecification") == ttl


def test_production_keeps_its_tables_bucket_and_logs(prod: Resources) -> None:
    kept = (TABLE, "AWS::S3::Bucket", "AWS::Logs::LogGroup")
    assert {one["DeletionPolicy"] for one in prod.all.values() if one["Type"] in kept} == {"Retain"}
    for table in TABLES:
        assert table_of(prod, table)[1]["DeletionProtectionEnabled"] is True


def test_dev_goes_whole(dev: Resources) -> None:
    assert "Retain" not in {one.get("DeletionPolicy") for one in dev.all.values()}
    for table in TABLES:
        assert table_of(dev, table)[1]["DeletionProtectionEnabled"] is False


def test_queues_are_encrypted_and_patient(every: Resources) -> None:
    queues = every.of("AWS::SQS::Queue").values()
    assert len(queues) == 2
    for queue in queues:
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert queue["VisibilityTimeout"] == 360


def test_a_message_is_given_up_after_a_hundred_receptions(every: Resources) -> None:
    (redrive,) = [queue["RedrivePolicy"] for queue in every.of("AWS::SQS::Queue").values() if "RedrivePolicy" in queue]
    assert redrive["maxReceiveCount"] == 100
    assert every.readable(redrive["deadLetterTargetArn"]).endswith("-tasks-dlq")


def test_the_consumer_is_fed_ten_messages_at_once_and_says_which_failed(every: Resources) -> None:
    mapping = every.only("AWS::Lambda::EventSourceMapping")
    assert every.readable(mapping["EventSourceArn"]).endswith("-tasks")
    assert every.readable(mapping["FunctionName"]).endswith("-consumer")
    assert mapping["BatchSize"] == 10
    assert mapping["MaximumBatchingWindowInSeconds"] == 0
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": every.environment.consumers}


def test_the_bucket_is_encrypted_private_and_forgets(every: Resources) -> None:
    bucket = every.only("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (lifecycle,) = bucket["LifecycleConfiguration"]["Rules"]
    assert lifecycle["Status"] == "Enabled"
    assert lifecycle["ExpirationInDays"] == every.environment.retention_days + DAYS_BEYOND_RETENTION
    assert lifecycle["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"])
def test_plain_http_is_refused(prod: Resources, kind: str) -> None:
    for policy in prod.of(kind).values():
        denials = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [denial["Condition"] for denial in denials]
