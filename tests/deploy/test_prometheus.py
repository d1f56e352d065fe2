"""The units, the alert rules and the dashboard, by systemd's, Prometheus' and Grafana's own programs and types."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from envtool.fleet.units import UnitsRequest, render_units
from tests.support.debian_programs import find_debian_program
from tests.support.driver_programs import DriverPrograms
from tests.support.driver_tables import FORMS, Accelerator, RunningJob
from tests.support.environment import RealEnvironment
from tests.support.monitoring import monitoring

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy/prometheus"
RULES = DEPLOY / "hac-alerts.yml"
DASHBOARD = DEPLOY / "grafana-dashboard.json"
# What the node exporter itself says, of all that rules and dashboard ask for, and Prometheus.
EXPORTER = {"node_uname_info", "node_textfile_mtime_seconds", "node_textfile_scrape_error", "up"}
pytestmark = pytest.mark.debian


def promtool(*arguments: str | Path, cwd: Path = DEPLOY) -> str:
    command = [find_debian_program("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_do_what_they_say() -> None:
    assert "9 rules found" in promtool("check", "rules", "hac-alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", "hac-alerts.test.yml")


def test_every_alert_is_tested() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    tested = (DEPLOY / "hac-alerts.test.yml").read_text()
    # Their expression is that of a condition that lasts; the words are like the others'.
    untested = {"HacMetricsUnreadable", "HacImageUnverified"}
    assert {rule["alert"] for rule in rules if "alert" in rule and rule["alert"] not in tested} <= untested


def list_queries() -> list[str]:
    """Every query of the dashboard, with its variables put in."""
    document = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    return [query.replace("$job", ".*").replace("$instance", ".*") for query in queries]


def test_the_dashboards_queries_are_prometheus_own_language(tmp_path: Path) -> None:
    rules = [{"record": f"q:{number}", "expr": query} for number, query in enumerate(list_queries())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "rules.yml", cwd=tmp_path)


def test_the_dashboard_is_what_grafana_has_types_for() -> None:
    """Grafana publishes them, made from its own schema: what they do not know would be lost on the way."""
    from grafana_foundation_sdk.models import dashboard

    document = json.loads(DASHBOARD.read_text())
    found = dashboard.Dashboard.from_json(document).to_json()
    assert set(document) <= set(found) | {"version"}
    assert [panel.title for panel in dashboard.Dashboard.from_json(document).panels or []] == [
        panel["title"] for panel in document["panels"]
    ]
    for panel in document["panels"]:
        read = json.loads(json.dumps(dashboard.Panel.from_json(panel).to_json(), default=lambda item: item.to_json()))
        assert set(panel) <= set(read), panel["title"]
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])


def list_metrics(text: str) -> set[str]:
    return set(re.findall(r"\b(?:hac_\w+|node_\w+|up)\b(?=[{\s)]|$)", text)) - {"node_exporter"}


def test_rules_and_dashboard_ask_for_metrics_that_there_are(environment: RealEnvironment, tmp_path: Path) -> None:
    driver = DriverPrograms(tmp_path)
    driver.show(FORMS["24.5"].render([Accelerator(0, "Small.64GB", "397 MiB", "0 %")], [RunningJob(0, "7", 4_000_000)]))
    jobs = subprocess.run(
        [shutil.which("envtool") or "envtool", "jobs", "--format", "prometheus"],
        env={**driver.variables, "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    doctor = environment.here("doctor", "--prefix", str(environment.path), "--format", "prometheus").out
    verify = environment.here("verify", "--static", "x.tar", "--shard", "0/1", "--format", "prometheus").out
    there = {line.split()[2] for line in (jobs + doctor + verify).splitlines() if line.startswith("# TYPE")}
    rules = [rule["expr"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]]
    asked = list_metrics("\n".join([*rules, *list_queries()]))
    assert len(asked) > 8
    assert asked <= there | EXPORTER


def write_units(environment: RealEnvironment, textfiles: Path, folder: Path) -> dict[str, str]:
    folder.mkdir()
    command = ["fleet", "units", "--prefix", str(environment.path), "--textfiles", str(textfiles), "-o", str(folder)]
    outcome = environment.envtool(*command)
    assert outcome.status == 0, outcome.err
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["textfiles", "text files", "100% $HOME", 'a"b\\c'])
def test_systemd_reads_the_units(name: str, environment: RealEnvironment, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    (tmp_path / name).mkdir()
    write_units(environment, tmp_path / name, tmp_path / "units")
    # In a folder of its own: units that are installed here are none of this test's.
    command = ["systemd-analyze", "verify", *map(str, sorted((tmp_path / "units").iterdir()))]
    variables = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}/units:/lib/systemd/system"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "hac-" in line]) == (0, [])


@pytest.mark.parametrize("user", ["root", "alice", "o dd%"])
def test_each_user_has_a_cache_of_its_own(user: str, tmp_path: Path) -> None:
    """What another user wrote there would be believed, and systemd would give the folder from one to the other."""
    request = UnitsRequest(program=tmp_path / "envtool", prefix=tmp_path, user=user)
    for name, text in render_units(request).items():
        if name.endswith(".service"):
            settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
            folder = shlex.split(settings["CacheDirectory"])[0].replace("%%", "%")
            assert folder == f"hac-envtool/{user}"
            (variable,) = shlex.split(settings["Environment"])
            assert variable.replace("%%", "%") == f"XDG_CACHE_HOME=/var/cache/{folder}"
            assert settings["CacheDirectoryMode"] == "0700"


def run_unit(text: str, variables: dict[str, str]) -> None:
    """What systemd would run, without systemd: its quoting is undone as systemd.service(5) has it."""
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    command = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr


def test_a_clobber_is_alerted_and_a_restore_ends_it(environment: RealEnvironment, tmp_path: Path) -> None:
    """The units' commands, Debian's node exporter, Prometheus and Alertmanager, and a webhook that hears of it."""
    with monitoring(tmp_path, RULES) as watched:
        service = write_units(environment, watched.textfiles, tmp_path / "units")["hac-doctor.service"]
        run_unit(service, environment.variables)
        healthy = f'hac_doctor_status{{prefix="{environment.path}"}} == 0'
        watched.wait_until(lambda: bool(watched.query(healthy)), "the healthy environment is seen")
        assert watched.query("ALERTS") == []

        environment.pip_install("--upgrade", "wants-newer")
        run_unit(service, environment.variables)
        alert = watched.receiver.wait_for("HacTorchDamaged", "firing")
        assert os.uname().nodename in alert["annotations"]["summary"]
        assert "wants-newer 1.0 requires torch>=2.0" in alert["annotations"]["description"]
        assert alert["labels"]["package"] == "wants-newer"
        assert alert["labels"]["prefix"] == str(environment.path)

        command = shlex.split(re.findall(r"Run there: envtool (.*)", alert["annotations"]["description"])[0])
        assert environment.here(*command).status == 0
        run_unit(service, environment.variables)
        watched.receiver.wait_for("HacTorchDamaged", "resolved")
        watched.wait_until(lambda: not watched.query("ALERTS"), "no alert is left")


# Kills the process when all of the new file is written, and before it takes the old one's place.
_KILLED = """
import os, signal, sys
def audit(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(".prom"):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
from envtool.cli.main import main
main()
"""


def test_a_kill_leaves_nothing_that_the_exporter_reads(environment: RealEnvironment, tmp_path: Path) -> None:
    """What a killed writer leaves has no name that the collector takes, and the old file is whole."""
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    service = write_units(environment, textfiles, tmp_path / "units")["hac-doctor.service"]
    run_unit(service, environment.variables)
    (metrics,) = textfiles.iterdir()
    before = metrics.read_text()
    assert metrics.stat().st_mode & 0o777 == 0o644
    environment.uv_install("wants-newer")
    (line,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    command = [sys.executable, "-c", _KILLED, *shlex.split(line)[1:]]
    killed = subprocess.run(command, env={**os.environ, **environment.variables}, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert metrics.read_text() == before
    assert list(textfiles.glob("*.prom")) == [metrics]
    run_unit(service, environment.variables)
    assert "torch-replaced" in metrics.read_text()
