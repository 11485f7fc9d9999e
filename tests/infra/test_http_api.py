"""The HTTP API: everything goes to ingress, throttled and logged."""

from __future__ import annotations

import json

from tests.infra.templates import Resources


def test_every_path_and_method_goes_to_ingress(every: Resources) -> None:
    routes = {route["RouteKey"] for route in every.of("AWS::ApiGatewayV2::Route").values()}
    assert routes == {
        "$default",
        "POST /api/{route}",
        "POST /api/t/{tenant}/{route}",
        "GET /api/runs/{traceId}",
        "GET /api/health",
        "GET /api/openapi.json",
    }
    integration = every.only("AWS::ApiGatewayV2::Integration")
    assert integration["PayloadFormatVersion"] == "2.0"
    assert every.readable(integration["IntegrationUri"]).endswith("-ingress")


def test_the_path_that_callers_sign_has_no_stage_in_it(every: Resources) -> None:
    stage = every.only("AWS::ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True


def test_calls_are_throttled(every: Resources) -> None:
    settings = every.only("AWS::ApiGatewayV2::Stage")["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == every.environment.throttle.requests_per_second
    assert settings["ThrottlingBurstLimit"] == every.environment.throttle.burst


def test_no_origin_is_let_in_by_cors(every: Resources) -> None:
    assert "CorsConfiguration" not in every.only("AWS::ApiGatewayV2::Api")


def test_the_access_log_tells_no_header_and_no_body(every: Resources) -> None:
    settings = every.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    told = json.loads(settings["Format"])
    assert {"requestId", "status", "routeKey", "sourceIp"} <= set(told)
    assert not [value for value in told.values() if "header" in value.lower() or "authorizer" in value.lower()]
