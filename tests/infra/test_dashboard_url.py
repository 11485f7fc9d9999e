"""The dashboard's address: open to everybody's knock, closed to other sites' pages, and the only way in."""

from __future__ import annotations

from tests.infra.templates import Resources


def test_lambda_lets_every_call_through_and_the_function_looks_for_a_token_itself(every: Resources) -> None:
    url = every.only("AWS::Lambda::Url")
    assert every.readable(url["TargetFunctionArn"]).endswith("-dashboard")
    assert url["AuthType"] == "NONE"


def test_no_other_sites_page_may_read_an_answer(every: Resources) -> None:
    assert "Cors" not in every.only("AWS::Lambda::Url")


def test_an_answer_comes_whole(every: Resources) -> None:
    assert every.only("AWS::Lambda::Url")["InvokeMode"] == "BUFFERED"


def test_everybody_may_call_the_dashboard_by_its_address_and_in_no_other_way(every: Resources) -> None:
    """Two rights are needed, each for calls by a function URL only.

    Source: "Control access to Lambda function URLs", AWS Lambda developer guide.
    """
    for_all = [one for one in every.of("AWS::Lambda::Permission").values() if one["Principal"] == "*"]
    assert {every.readable(one["FunctionName"]).rpartition("-")[2] for one in for_all} == {"dashboard"}
    ways = {one["Action"]: (one.get("FunctionUrlAuthType"), one.get("InvokedViaFunctionUrl", False)) for one in for_all}
    assert ways == {"lambda:InvokeFunctionUrl": ("NONE", False), "lambda:InvokeFunction": (None, True)}


def test_the_address_is_told(every: Resources) -> None:
    output = every.template["Outputs"]["DashboardUrl"]
    (url,) = [name for name, one in every.all.items() if one["Type"] == "AWS::Lambda::Url"]
    assert output["Value"] == {"Fn::GetAtt": [url, "FunctionUrl"]}


def test_the_dashboard_knows_where_calls_go_to(every: Resources) -> None:
    [function] = [
        one for one in every.of("AWS::Lambda::Function").values() if one["FunctionName"].endswith("-dashboard")
    ]
    [api] = [name for name, one in every.all.items() if one["Type"] == "AWS::ApiGatewayV2::Api"]
    assert function["Environment"]["Variables"]["API_URL"] == {"Fn::GetAtt": [api, "ApiEndpoint"]}


def test_on_aws_no_function_believes_that_it_is_on_somebodys_machine(dev: Resources, prod: Resources) -> None:
    """`local` relaxes the cookie's rules; that stack is for the emulator, and no other environment says so."""
    for resources in (dev, prod):
        functions = resources.of("AWS::Lambda::Function").values()
        told = {function["Environment"]["Variables"]["ENVIRONMENT"] for function in functions}
        assert told == {resources.environment.name}
        assert "local" not in told
