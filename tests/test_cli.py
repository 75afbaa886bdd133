"""The command line as a user meets it: what it prints, and its exit codes."""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import USER, PostgresServer
from tests.fakes.process import FakeModelServer
from tests.support import ROOT


def govsim(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment = kept | {"GOVSIM_DATABASE_URL": f"sqlite:///{folder / 'runs.db'}", "NO_COLOR": "1"} | variables
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_scripted_run_prints_one_object_with_its_metrics(tmp_path: Path) -> None:
    done = govsim(tmp_path, "run", "--mind", "scripted:fair-share", "--months", "3", "--seed", "7", "--json")
    assert done.returncode == 0
    run = json.loads(done.stdout)
    assert set(run) >= {"id", "state", "config", "outcome", "metrics"}
    assert (run["state"], run["outcome"], run["config"]["seed"]) == ("finished", "survived", 7)
    assert run["metrics"] == {
        "months_played": 3,
        "survival_time": 3,
        "survived": True,
        "collapsed": False,
        "censored": False,
        "gains": {"John": 30, "Kate": 30, "Jack": 30, "Emma": 30, "Luke": 30},
        "total_gain": 150,
        "mean_gain": 30.0,
        "efficiency": 1.0,
        "equality": 1.0,
        "over_usage": 0.0,
        "unreadable": 0,
    }


def test_one_mind_for_each_agent_and_no_communication(tmp_path: Path) -> None:
    minds = [part for policy in ("greedy", "random") for part in ("--mind", f"scripted:{policy}")]
    names = ["--agent", "Ann", "--agent", "Bo"]
    done = govsim(
        tmp_path, "run", *minds, *names, "--condition", "no_communication", "--scenario", "pollution", "--json"
    )
    run = json.loads(done.stdout)
    assert list(run["metrics"]["gains"]) == ["Ann", "Bo"]
    assert [phase["type"] for phase in run["config"]["phases"]] == ["observe", "harvest", "settle", "regrow"]


def test_a_newcomer_with_research_fidelity(tmp_path: Path) -> None:
    options = ["--condition", "newcomer", "--fidelity", "research", "--report", "individual", "--disclose", "months"]
    done = govsim(tmp_path, "run", *options, "--no-home", "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    config = run["config"]
    assert len(config["fidelity"]) == 6 and config["disclose"] == ["months"]
    assert [phase["type"] for phase in config["phases"]][-2:] == ["take_away", "regrow"]
    assert run["metrics"]["months_played"] == 15
    assert run["presence"]["from_month"] == 4
    assert run["presence"]["months_present"] == {"John": 15, "Kate": 15, "Jack": 15, "Emma": 15, "Luke": 12}
    assert run["presence"]["equality_per_month"] == pytest.approx(0.99, abs=0.02)


def test_personas_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "personas.toml"
    path.write_text('[Kate]\njoins = 2\ngoals = ["rest"]\n')
    done = govsim(tmp_path, "run", "--personas", str(path), "--months", "3", "--json")
    agents = json.loads(done.stdout)["config"]["agents"]
    assert agents[1] | {"mind": None} == {"name": "Kate", "mind": None, "joins": 2, "goals": ["rest"]}
    assert "joins" not in agents[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--scenario", "forest"], "There is no scenario 'forest'"),
        (["run", "--condition", "baseline"], "There is no condition 'baseline'"),
        (["run", "--mind", "scripted:saint"], "There is no policy 'saint'"),
        (["run", "--mind", "generative:openai/gpt-4o"], "OPENAI_API_KEY"),
        (["run", "--growth", "1"], "Growth: "),
        (["run", "--allocation", "lottery"], "There is no allocation rule 'lottery'"),
        (["run", "--report", "mayor"], "Report: there is no 'mayor'"),
        (["run", "--disclose", "all"], "Choose from: allocation, collapse_threshold, months"),
        (["run", "--fidelity", "exact"], "Fidelity: there is no 'exact'. Choose from: research, cut_at_first_dot"),
        (["run", "--personas", "/no/such/file.toml"], "/no/such/file.toml"),
        (["run", "--condition", "newcomer", "--months", "2"], "Luke joins in month 4"),
        (["run", "--temperature", "warm"], "--temperature takes a number or none"),
        (["import", "/no/such/place"], "There is nothing at /no/such/place"),
        (["subskills", "--model", "nonsense"], "write it as ENDPOINT/MODEL"),
        (["subskills", "--model", "openai/gpt-4.1-mini"], "OPENAI_API_KEY"),
        (["import-subskills", "/no/such/place"], "There is nothing at /no/such/place"),
        (["serve", "--host", "0.0.0.0"], "GOVSIM_PASSWORD"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = govsim(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"GOVSIM_DATABASE_URL": "nonsense"}, "GOVSIM_DATABASE_URL"),
        ({"GOVSIM_DATABASE_URL": "sqlite:////proc/nowhere/x.db"}, "cannot be"),
        ({"GOVSIM_PORT": "many"}, "GOVSIM_PORT"),
        ({"GOVSIM_PASSWORD": "short"}, "GOVSIM_PASSWORD"),
    ],
)
def test_a_wrong_environment_is_one_sentence_and_exit_code_2(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    done = govsim(tmp_path, "db", "upgrade", **variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr.replace("shorter", "")


def test_a_port_in_use_is_named_with_another_one_to_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = govsim(tmp_path, "serve", "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} is in use" in done.stderr


def test_a_models_file_with_a_mistake_names_the_file_and_the_key(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text('[endpoints.lab]\nbase_url = "http://127.0.0.1:1/v1"\nmodels = ["m"]\nmax_concurency = 3\n')
    done = govsim(tmp_path, "models", GOVSIM_MODELS_FILE=str(path))
    assert done.returncode == 2
    assert "max_concurency" in done.stderr


def test_models_lists_what_the_environment_offers_and_never_a_key(tmp_path: Path) -> None:
    done = govsim(tmp_path, "models", OPENAI_API_KEY="sk-secret-of-mine")
    assert done.returncode == 0
    assert "openai/" in done.stdout
    assert "sk-secret" not in done.stdout + done.stderr


def test_a_run_whose_endpoint_is_down_ends_paused_with_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(
        '[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["m"]\nattempts = 2\nbackoff_s = 0.01\n'
    )
    done = govsim(tmp_path, "run", "--mind", "generative:lab/m", "--json", GOVSIM_MODELS_FILE=str(path))
    run = json.loads(done.stdout)
    assert (done.returncode, run["state"]) == (1, "paused")
    assert "'lab'" in run["reason"]


def test_a_recorded_run_is_checked_and_exported_and_comes_back(tmp_path: Path) -> None:
    run = json.loads(govsim(tmp_path, "run", "--months", "2", "--json").stdout)
    assert run["answers"]["total"] == {"calls": 0, "asked_again": 0, "unreadable": 0, "cut_off": 0, "refused": 0}
    checked = govsim(tmp_path, "rerun", run["id"], "--check")
    assert (checked.returncode, "byte for byte" in checked.stdout) == (0, True)
    as_json = json.loads(govsim(tmp_path, "rerun", run["id"], "--check", "--json").stdout)
    assert (as_json["equal"], as_json["calls"], as_json["difference"]) == (True, 0, None)
    out = tmp_path / "out"
    assert govsim(tmp_path, "export", run["id"], "--format", "research", "--out", str(out)).returncode == 0
    assert govsim(tmp_path, "import", str(out)).returncode == 0
    again = govsim(tmp_path, "export", run["id"], "--format", "research", "--out", str(out))
    assert (again.returncode, "already" in again.stderr) == (2, True)


def test_several_runs_and_experiments_are_exported_into_one_folder(tmp_path: Path) -> None:
    played = govsim(tmp_path, "run", "--months", "1", "--seed", "1", "--seed", "2", "--json").stdout.splitlines()
    runs = sorted(json.loads(line)["id"] for line in played)
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        [(experiment,)] = connection.execute("SELECT DISTINCT experiment_id FROM run").fetchall()
    out = tmp_path / "out"
    done = govsim(tmp_path, "export", experiment, "--format", "json", "--out", str(out))
    assert (done.returncode, done.stdout) == (0, f"2 runs in {out}.\n")
    assert sorted(path.name for path in out.iterdir()) == [f"{run}.json" for run in runs]
    chats = govsim(tmp_path, "export", *runs, "--format", "chats", "--out", str(tmp_path / "chats"))
    assert chats.returncode == 2 and "None of these runs" in chats.stderr
    assert chats.stderr.count("is left out: This run holds no answer of a model") == 2
    assert not (tmp_path / "chats").exists()


def test_a_record_that_differs_ends_with_exit_code_1(tmp_path: Path) -> None:
    run = json.loads(govsim(tmp_path, "run", "--months", "2", "--json").stdout)["id"]
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("UPDATE event SET payload = replace(payload, 'John', 'Joan') WHERE seq = 2")
    checked = govsim(tmp_path, "rerun", run, "--check")
    assert checked.returncode == 1
    assert f"Run {run} differs. Event 2 (month 1, decided, John)" in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rerun", "r2222222", "--check"], "There is no run 'r2222222'"),
        (["rerun", "r2222222"], "--check"),
        (["export", "r2222222", "--format", "csv"], "There is no run 'r2222222'"),
        (["export", "r2222222", "--format", "excel"], "Choose one of: research, csv, parquet, json, html, chats"),
    ],
)
def test_a_wrong_check_or_export_is_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = govsim(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr


def test_models_check_asks_each_model_and_fails_where_one_does(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    with FakeModelServer(seed=1) as server:
        path.write_text(server.models_toml("lab"))
        done = govsim(tmp_path, "models", "--check", GOVSIM_MODELS_FILE=str(path))
        assert done.returncode == 0
        assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
            "lab/villager", "lab/greedy", "lab/thinker", "lab/embedder",
        ]  # fmt: skip
        assert ": ok, " in done.stdout and "villager-fake-1, fp_1, village" in done.stdout
    done = govsim(tmp_path, "models", "--check", "--json", GOVSIM_MODELS_FILE=str(path))
    assert done.returncode == 1
    checks = json.loads(done.stdout)
    assert len(checks) == 4 and not any(check["ok"] for check in checks)
    assert "could not be reached" in checks[0]["error"]


def test_a_wrong_way_to_rate_or_an_unknown_embedding_is_told_before_anything_runs(tmp_path: Path) -> None:
    done = govsim(tmp_path, "run", "--ratings", "never")
    assert done.returncode == 2 and "single or batched, not 'never'" in done.stderr
    done = govsim(tmp_path, "run", "--mind", "scripted:greedy", "--embedding", "lab/e")
    assert done.returncode == 2 and "no endpoint is configured" in done.stderr


def test_an_instance_is_copied_and_the_copy_says_how_many_rows(tmp_path: Path, postgres: PostgresServer) -> None:
    assert govsim(tmp_path, "run", "--mind", "scripted:fair-share", "--months", "2").returncode == 0
    name = postgres.new_database(template=None)
    target = postgres.network_url(name)
    done = govsim(tmp_path, "db", "copy", f"sqlite:///{tmp_path / 'runs.db'}", target)
    assert done.returncode == 0, done.stderr
    shown = f"postgresql://{USER}:***@127.0.0.1:{postgres.port}/{name}"
    assert f"Copied to {shown}. To work with it, set GOVSIM_DATABASE_URL to that address." in done.stdout
    assert re.search(r"event\W+\d\d", done.stdout) and re.search(r"run\W+1\b", done.stdout)
    again = govsim(tmp_path, "db", "copy", f"sqlite:///{tmp_path / 'runs.db'}", target)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("govsim: The target is not empty: there are rows in ")
    upgraded = govsim(tmp_path, "db", "upgrade", GOVSIM_DATABASE_URL=target)
    assert upgraded.stdout == f"{shown} is at the current schema.\n"
    postgres.drop(name)


def test_a_database_server_that_refuses_is_one_sentence_without_the_password(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    done = govsim(tmp_path, "worker", GOVSIM_DATABASE_URL=postgres.network_url("postgres", password="wr0ng-secret"))
    assert done.returncode == 2 and done.stderr.startswith("govsim: The database server on 127.0.0.1 refused the login")
    assert "wr0ng-secret" not in done.stderr + done.stdout and len(done.stderr.splitlines()) == 1


def test_a_backup_is_made_checked_and_restored_from_the_command_line(tmp_path: Path) -> None:
    run = json.loads(govsim(tmp_path, "run", "--months", "2", "--json").stdout)["id"]
    made = json.loads(govsim(tmp_path, "backup", str(tmp_path), "--json").stdout)
    path = Path(made["file"])
    assert path.parent == tmp_path and path.suffix == ".govsim-backup" and made["bytes"] == path.stat().st_size
    checked = govsim(tmp_path, "backup", "--check", str(path))
    assert (checked.returncode, "is whole: 1 runs" in checked.stdout) == (0, True)
    other = {"GOVSIM_DATABASE_URL": f"sqlite:///{tmp_path / 'new' / 'other.db'}"}
    restored = govsim(tmp_path, "restore", str(path), "--json", **other)
    assert json.loads(restored.stdout)["rows"] == made["rows"]
    assert govsim(tmp_path, "rerun", run, "--check", **other).returncode == 0
    piped = subprocess.run(
        [sys.executable, "-m", "app.cli", "backup", "-"], cwd=ROOT, capture_output=True,
        env=os.environ | {"GOVSIM_DATABASE_URL": f"sqlite:///{tmp_path / 'runs.db'}"},
    )  # fmt: skip
    (tmp_path / "piped").write_bytes(piped.stdout)
    assert govsim(tmp_path, "backup", "--check", str(tmp_path / "piped")).returncode == 0


def test_a_database_that_is_not_there_is_not_backed_up(tmp_path: Path) -> None:
    done = govsim(tmp_path, "backup", str(tmp_path / "x"))
    assert (done.returncode, done.stderr) == (2, f"govsim: There is no database at {tmp_path / 'runs.db'}.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    govsim(tmp_path, "run", "--months", "12", "--json")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "backup", "-"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"GOVSIM_DATABASE_URL": f"sqlite:///{tmp_path / 'runs.db'}"},
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "govsim: No space left on device\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backup", "{folder}/runs.db"], "is there already. Name another file, or say --force"),
        (["backup", "/no/such/folder/file"], "/no/such/folder"),
        (["backup", "-", "--json"], "name a file"),
        (["backup", "--check", "{folder}/runs.db"], "is not a whole backup"),
        (["restore", "{folder}/nothing"], "There is no backup file at"),
        (["restore", "{folder}"], "There is no backup file at"),
        (["retain"], "Name a rule"),
        (["retain", "--prompts-older-than", "90"], "takes days or weeks, 90d or 12w"),
        (["retain", "--runs-older-than", "90d"], "--state"),
        (["retain", "--runs-older-than", "90d", "--state", "playing"], "Runs that are playing are always kept"),
        (
            ["retain", "--runs-older-than", "90d", "--state", "old"],
            "There is no state 'old'. Choose from: cancelled, failed, finished",
        ),
        (["retain", "--compact", "--shared"], "belong to --runs-older-than"),
    ],
)
def test_a_wrong_way_to_keep_an_instance_is_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    govsim(tmp_path, "db", "upgrade")
    done = govsim(tmp_path, *(part.format(folder=tmp_path) for part in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr


def test_retention_says_what_it_would_do_and_what_it_did(tmp_path: Path) -> None:
    govsim(tmp_path, "run", "--months", "2", "--json")
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("UPDATE run SET ended_at = '2020-01-01 00:00:00.000000'")
    rule = ["retain", "--runs-older-than", "52w", "--state", "finished"]
    dry = govsim(tmp_path, *rule, "--dry-run")
    assert "Whole: 1 run would be dropped (older than 364 days)" in dry.stdout
    done = json.loads(govsim(tmp_path, *rule, "--compact", "--json").stdout)
    assert len(done["dropped"][0]["runs"]) == 1 and done["free"] == 0
    assert "0 runs dropped" in govsim(tmp_path, *rule).stdout


def test_budgets_on_the_command_line(tmp_path: Path) -> None:
    with FakeModelServer(seed=1) as server:
        models = tmp_path / "models.toml"
        models.write_text(
            server.models_toml("lab")
            + '\n[[endpoints.lab.prices]]\nmodel = "villager"\ninput_per_mtok = 1\noutput_per_mtok = 4\n'
        )
        lab = {"GOVSIM_MODELS_FILE": str(models)}
        villagers = ("run", "--mind", "generative:lab/villager", "--months", "4")

        told = govsim(tmp_path, *villagers, "--estimate", "--budget-cost", "0.05", **lab)
        assert told.returncode == 0 and "284 model calls" in told.stdout
        assert "Of a run's budget" in told.stdout and "of $0.05" in told.stdout
        assert govsim(tmp_path, *villagers, "--estimate", "--json", **lab).stdout.startswith('{"runs":1')

        done = govsim(tmp_path, *villagers, "--budget-cost", "0.05", "--json", **lab)
        run = json.loads(done.stdout)
        assert (done.returncode, run["state"]) == (1, "paused")
        assert run["reason"].startswith("Budget of $0.05 reached: $0.0")
        shown = govsim(tmp_path, "budget", run["id"], **lab)
        assert f"Budget: $0.05. The run is paused. {run['reason']}" in shown.stdout
        raised = govsim(tmp_path, "budget", run["id"], "--cost", "5", "--tokens", "2,000,000", **lab)
        assert raised.stdout.endswith("Budget: 2,000,000 tokens or $5.00. The run is queued.\n")
        for arguments, says in (
            (("budget", run["id"], "--tokens", "0"), "--tokens: Give at least 1."),
            (("budget", run["id"], "--cost", "lots"), "--cost: Write an amount in US dollars"),
            (("budget", "r2222222"), "There is neither a run nor an experiment 'r2222222'"),
            (("budget", run["id"], "--cost", "nan"), "--cost: Write an amount in US dollars, for example 2.50."),
            ((*villagers, "--budget-cost", "nan"), "Write an amount in US dollars, for example 2.50."),
            ((*villagers, "--budget-tokens", "0"), "Budget tokens: Give at least 1."),
            (("run", "--mind", "generative:lab/greedy", "--budget-cost", "5"), "the price of lab/greedy is unknown"),
        ):
            wrong = govsim(tmp_path, *arguments, **lab)
            assert wrong.returncode == 2 and says in wrong.stderr, wrong.stderr


def test_a_start_loads_nothing_that_a_command_may_not_need(tmp_path: Path) -> None:
    heavy = ("sqlalchemy", "alembic", "httpx", "fastapi", "plotly", "scipy", "sklearn", "genai_prices", "torch")
    code = f"import sys, app.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_local_models_without_the_extra_say_what_to_install(tmp_path: Path) -> None:
    # A package of that name which cannot be found stands for one that is not installed.
    code = (
        "import sys, importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
        "from app.cli import main; sys.argv = ['govsim', 'local', 'serve', 'anything']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        "govsim: Local models need the package torch, which is not installed: "
        "pip install 'govsim-observatory[local]'.\n"
    )
