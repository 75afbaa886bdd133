"""What docs/deploy/ holds fits the program."""

import configparser
import re

import yaml
from typer.testing import CliRunner

from app.cli import app
from app.settings import Settings
from tests.support import ROOT

DEPLOY = ROOT / "docs" / "deploy"
EXAMPLE_KEYS = {"OPENAI_API_KEY", "POSTGRES_PASSWORD", "FORWARDED_ALLOW_IPS"}


def test_compose_names_settings_and_commands_that_exist() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    known = {f"GOVSIM_{name.upper()}" for name in Settings.model_fields} | EXAMPLE_KEYS
    for name in ("web", "worker"):
        service = services[name]
        assert set(service["environment"]) <= known
        assert CliRunner().invoke(app, [*service["command"], "--help"]).exit_code == 0
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert (DEPLOY / services["proxy"]["volumes"][0].split(":")[0]).is_file()


def test_units_start_commands_that_exist() -> None:
    for path in DEPLOY.glob("*.service"):
        unit = configparser.ConfigParser(interpolation=None)
        unit.read_string(path.read_text())
        program, *arguments = unit["Service"]["ExecStart"].split()
        assert program.endswith("/govsim")
        assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def test_every_file_is_named_in_the_text() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    named = set(re.findall(r"\(deploy/([^)]+)\)", text))
    assert named == {path.name for path in DEPLOY.iterdir()}
