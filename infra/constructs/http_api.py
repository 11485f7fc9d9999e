"""The HTTP API in front of ingress.

Every path and method goes to ingress, which answers in its own words; the routes that exist are named beside the
catch-all so that CloudWatch counts them apart.
"""

from __future__ import annotations

import json

import jsii
from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.function import WorkerFlowFunction
from infra.constructs.logs import log_group_of
from infra.environments import Environment

POST, GET = apigatewayv2.HttpMethod.POST, apigatewayv2.HttpMethod.GET
ROUTES = (
    (POST, "/api/{route}"),
    (POST, "/api/t/{tenant}/{route}"),
    (GET, "/api/runs/{traceId}"),
    (GET, "/api/health"),
    (GET, "/api/openapi.json"),
)
# What happened, from where, how long it took. No header and no body: those may hold secrets.
ACCESS_LOG = {
    "time": "$context.requestTime",
    "requestId": "$context.requestId",
    "sourceIp": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
}


@jsii.implements(apigatewayv2.IAccessLogSettings)
class _AccessLog:
    """Where the access log goes, and how a line of it looks."""

    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._log_group = log_group

    @property
    def destination(self) -> apigatewayv2.IAccessLogDestination:
        return apigatewayv2.LogGroupLogDestination(self._log_group)

    @property
    def format(self) -> apigateway.AccessLogFormat:
        return apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG))


class IngressApi(Construct):
    """An HTTP API with one stage, `$default`, so that no stage name stands in the path that callers sign."""

    def __init__(self, scope: Construct, environment: Environment, ingress: WorkerFlowFunction) -> None:
        """Make the API, its routes to `ingress` and its stage."""
        super().__init__(scope, "Api")
        to_ingress = integrations.HttpLambdaIntegration(
            "Ingress",
            _without_permissions(self, ingress),
            payload_format_version=apigatewayv2.PayloadFormatVersion.VERSION_2_0,
        )
        self.api = apigatewayv2.HttpApi(
            self,
            "HttpApi",
            api_name=environment.prefix,
            default_integration=to_ingress,
            create_default_stage=False,
        )
        for method, path in ROUTES:
            self.api.add_routes(path=path, methods=[method], integration=to_ingress)
        self.stage = _stage(self, environment, self.api)
        ingress.lambda_function.add_permission(
            "Api",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            # Stage, then either `$default` or method and path: one pattern covers every route.
            source_arn=Stack.of(self).format_arn(service="execute-api", resource=self.api.api_id, resource_name="*/*"),
        )

    @property
    def url(self) -> str:
        return self.api.api_endpoint

    def calls(self, period: Duration) -> cloudwatch.Metric:
        """All calls."""
        return self.stage.metric_count(period=period, statistic="Sum")

    def client_errors(self, period: Duration) -> cloudwatch.Metric:
        """Calls answered with 4xx."""
        return self.stage.metric_client_error(period=period, statistic="Sum")

    def server_errors(self, period: Duration) -> cloudwatch.Metric:
        """Calls answered with 5xx."""
        return self.stage.metric_server_error(period=period, statistic="Sum")

    def latency(self, period: Duration, statistic: str) -> cloudwatch.Metric:
        """From the call's arrival to its answer, in milliseconds."""
        return self.stage.metric_latency(period=period, statistic=statistic, label=statistic)


def _without_permissions(scope: Construct, ingress: WorkerFlowFunction) -> lambda_.IFunction:
    """The function as a stranger: CDK would add a permission for each route, which say the same six times."""
    return lambda_.Function.from_function_attributes(
        scope, "Ingress", function_arn=ingress.arn, same_environment=False, skip_permissions=True
    )


def _stage(scope: Construct, environment: Environment, api: apigatewayv2.HttpApi) -> apigatewayv2.HttpStage:
    # API Gateway writes the right to log into a policy that is limited in size, unless the name begins like this.
    # Source: "Customize HTTP API access logs", Amazon API Gateway developer guide.
    log_group = log_group_of(scope, environment, f"/aws/vendedlogs/{environment.prefix}-api")
    return apigatewayv2.HttpStage(
        scope,
        "Stage",
        http_api=api,
        stage_name="$default",
        auto_deploy=True,
        detailed_metrics_enabled=True,
        throttle=apigatewayv2.ThrottleSettings(
            rate_limit=environment.throttle.requests_per_second, burst_limit=environment.throttle.burst
        ),
        access_log_settings=_AccessLog(log_group),
    )
