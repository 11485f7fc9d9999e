"""SecretNames on Secrets Manager: by DescribeSecret, which tells no value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from workerflow.adapters.aws_errors import code_of, in_our_words

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class DescribedSecrets:
    """Secrets by their full names."""

    def __init__(self, client: Callable[[], SecretsManagerClient]) -> None:
        self._client = client

    def exists(self, name: str) -> bool:
        with in_our_words():
            try:
                return "DeletedDate" not in self._client().describe_secret(SecretId=name)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return False
                raise
