"""The dashboard's address: a function URL, which costs nothing beside the function's own calls.

Whoever knows it may knock: the function looks for a token or a session itself (`functions/dashboard`), as ingress does
for its callers. No other site's page may read an answer, so there is no CORS.
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.function import WorkerFlowFunction


class DashboardUrl(Construct):
    """An HTTPS address of Lambda's, under which the whole answer comes at once (6 MB at most)."""

    def __init__(self, scope: Construct, dashboard: WorkerFlowFunction) -> None:
        """Make the address. CDK adds both rights that a call under it needs, for everybody and for this way alone."""
        super().__init__(scope, "Address")
        self._function_name = dashboard.function_name
        self._url = lambda_.FunctionUrl(
            self,
            "Url",
            function=dashboard.lambda_function,
            auth_type=lambda_.FunctionUrlAuthType.NONE,
            invoke_mode=lambda_.InvokeMode.BUFFERED,
        )

    @property
    def url(self) -> str:
        """It ends in a slash."""
        return self._url.url

    def calls(self, period: Duration) -> cloudwatch.Metric:
        """All requests."""
        return self._metric("UrlRequestCount", period)

    def client_errors(self, period: Duration) -> cloudwatch.Metric:
        """Requests answered with 4xx, those that Lambda throttled included."""
        return self._metric("Url4xxCount", period)

    def server_errors(self, period: Duration) -> cloudwatch.Metric:
        """Requests answered with 5xx."""
        return self._metric("Url5xxCount", period)

    def _metric(self, name: str, period: Duration) -> cloudwatch.Metric:
        """Source: "Monitoring Lambda function URLs", AWS Lambda developer guide."""
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={"FunctionName": self._function_name},
            statistic="Sum",
            period=period,
        )
