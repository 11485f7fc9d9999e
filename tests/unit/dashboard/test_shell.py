"""Commands to paste reach the deployment that the page is of, and no other."""

from __future__ import annotations

from functions.dashboard.pages.shell import Shell

CREATE = "secretsmanager create-secret"


def test_on_aws_a_command_names_its_region_and_nothing_of_the_emulator() -> None:
    shell = Shell(environment="dev", region="eu-central-1")
    assert shell.aws(CREATE, "--name", "a/b") == "aws secretsmanager create-secret --region eu-central-1 --name a/b"
    assert shell.credentials("create", "acme") == (
        "AWS_DEFAULT_REGION=eu-central-1 .venv/bin/python -m tools.credentials create --env dev --tenant acme"
    )


def test_on_this_machine_a_command_leads_to_the_emulator_as_its_root_user() -> None:
    shell = Shell(environment="local", region="us-east-1", endpoint_url="http://127.0.0.1:4566")
    assert shell.aws(CREATE, "--name", "a/b") == (
        "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws secretsmanager create-secret"
        " --region us-east-1 --endpoint-url http://127.0.0.1:4566 --name a/b"
    )
    assert shell.credentials("create", "acme") == (
        ".venv/bin/python -m tools.credentials create --env local --tenant acme"
    )


def test_an_option_is_quoted_as_the_shell_needs_it() -> None:
    assert Shell(environment="dev").aws(CREATE, "--name", "it's") == f"aws {CREATE} --name 'it'\"'\"'s'"
