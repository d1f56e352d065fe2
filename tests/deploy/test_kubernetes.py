"""The manifests: built and read by kubectl, held against Kubernetes' schemas, and their scripts run on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import celpy
import celpy.adapter
import pytest
import yaml

from tests.support.debian_programs import find_debian_program
from tests.support.environment import RealEnvironment
from tests.support.image_layout import Layout
from tests.support.kubernetes_api import kubernetes_api
from tests.unit.verify.test_many_images import make_images, registry_of

DEPLOY = Path(__file__).parents[2] / "deploy/kubernetes"
GUIDE = DEPLOY.parents[1] / "docs/guide"
POLICY = DEPLOY / "policy/by-digest.yaml"
ATTESTED = DEPLOY / "policy/attested.yaml"
TOOLS = Path(sys.executable).parent
SHA = "sha256:" + "5a" * 32


def read_objects(text: str) -> dict[str, dict[str, Any]]:
    return {item["kind"]: item for item in yaml.safe_load_all(text)}


def read_base() -> dict[str, dict[str, Any]]:
    """The objects of the base, without what kustomize adds to them."""
    return read_objects("---\n".join(path.read_text() for path in sorted((DEPLOY / "base").glob("*.yaml"))))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `kubectl kustomize` makes of the base."""
    command: list[str | Path] = [find_debian_program("kubectl", "kubernetes-client"), "kustomize", DEPLOY / "base"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file = tmp_path_factory.mktemp("built") / "base.yaml"
    file.write_text(done.stdout)
    return file


@pytest.mark.debian
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetes_own_schemas(built: Path, version: str) -> None:
    command: list[str | Path] = [TOOLS / "kubernetes-validate", "--strict", "-k", version, built, POLICY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("daemonset", "job", "validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        assert f"passed for resource {kind}/" in done.stdout + done.stderr


@pytest.mark.debian
def test_a_dry_run(built: Path, tmp_path: Path) -> None:
    with kubernetes_api(tmp_path) as configuration:
        command: list[str | Path] = [find_debian_program("kubectl", "kubernetes-client"), "create", "--dry-run=client"]
        command += ["--validate=false", "--output", "name", "--filename", built, "--filename", POLICY]
        variables = {**os.environ, "KUBECONFIG": str(configuration), "HOME": str(tmp_path)}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {line.partition("/")[0].partition(".")[0] for line in done.stdout.splitlines()}
    assert names == {
        *("namespace", "configmap", "persistentvolumeclaim", "daemonset", "job"),
        *("validatingadmissionpolicy", "validatingadmissionpolicybinding"),
    }


@pytest.mark.debian
def test_kustomize_joins_what_belongs_together(built: Path) -> None:
    objects = read_objects(built.read_text())
    assert {item["metadata"].get("namespace", "hac-envtool") for item in objects.values()} == {"hac-envtool"}
    job = objects["Job"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    variables = {item["name"]: item["value"] for item in container["env"]}
    assert str(job["completions"]) == variables["COUNT"]
    assert container["envFrom"][0]["configMapRef"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    images = {
        item["spec"]["template"]["spec"]["containers"][0]["image"] for item in (objects["Job"], objects["DaemonSet"])
    }
    assert images == {"registry.example.com/hac/envtool:1"}


@pytest.mark.debian
@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.ko.md"])
def test_the_folder_of_the_guide_sets_what_it_says(page: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (GUIDE / page).read_text(), re.MULTILINE | re.DOTALL)
    own = tmp_path / "own"
    own.mkdir()
    shutil.copytree(DEPLOY / "base", tmp_path / "base")
    (own / "kustomization.yaml").write_text(block.replace("github.com/hac-envtool/hac-envtool/deploy/kubernetes", ".."))
    command: list[str | Path] = [find_debian_program("kubectl", "kubernetes-client"), "kustomize", own]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = read_objects(done.stdout)
    job = objects["Job"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    variables = {item["name"]: item["value"] for item in container["env"]}
    assert (job["completions"], variables["COUNT"], variables["HOME"]) == (16, "16", "/tmp")
    assert objects["ConfigMap"]["data"] == {"IMAGES": "docker://registry.internal/team/*"}
    assert container["envFrom"][0]["configMapRef"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    (doctor,) = objects["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    assert {container["image"], doctor["image"]} == {"registry.internal/tools/envtool:2"}


def run_script(workload: dict[str, Any], folders: dict[str, Path], **variables: str) -> subprocess.Popen[str]:
    """The workload's own script, with its own variables, and folders of this machine in the place of its volumes."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    (script,) = container["args"]
    for path, folder in folders.items():
        script = script.replace(path, str(folder))
    own = {item["name"]: item["value"] for item in container["env"]}
    environment = {**os.environ, **own, "PATH": f"{TOOLS}:{os.environ['PATH']}", **variables}
    return subprocess.Popen([*container["command"], script], env=environment, text=True, start_new_session=True)


def test_the_sweeps_parts_are_the_registry_each_image_once(environment: RealEnvironment, tmp_path: Path) -> None:
    """A part is killed while it works: it leaves nothing that is read, and is run again."""
    layout = Layout()
    images = make_images(layout, 9)
    job, reports = read_base()["Job"], tmp_path / "reports"
    reports.mkdir()
    count = job["spec"]["completions"]

    def start(index: int, host: str) -> subprocess.Popen[str]:
        own = {"JOB_COMPLETION_INDEX": str(index), "IMAGES": f"docker://{host}/team/*", "HOME": str(tmp_path)}
        return run_script(job, {"/reports": reports}, **own)

    with registry_of(images, layout, Counter(), lambda _path: time.sleep(0.02)) as host:
        killed = start(0, host)
        time.sleep(0.3)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        assert [path.name for path in reports.iterdir() if not path.name.startswith(".")] == []
        # As many at a time as the Job has.
        pods = [start(index, host) for index in range(count)]
        assert [pod.wait(120) for pod in pods] == [0] * count
    outcome = environment.here("fleet", "report", str(reports), "--format", "json")
    document = json.loads(outcome.out)
    assert sorted(row["name"] for row in document["subjects"]) == sorted(f"docker://{host}/{name}" for name in images)
    assert (document["looks"], document["files"], document["skipped"]) == (9, count, [])


def test_a_part_without_a_report_has_failed(tmp_path: Path) -> None:
    """The registry does not answer; the report of an earlier sweep is no answer of this one."""
    (tmp_path / "sweep-0.json").write_text("{}")
    own = {"JOB_COMPLETION_INDEX": "0", "IMAGES": "docker://127.0.0.1:9/team/*", "HOME": str(tmp_path)}
    pod = run_script(read_base()["Job"], {"/reports": tmp_path}, **own)
    assert pod.wait(120) not in {0, None}
    assert list(tmp_path.glob("*.json")) == []


def test_the_nodes_doctor_writes_and_ends_when_it_is_told_to(environment: RealEnvironment, tmp_path: Path) -> None:
    own = {**environment.variables, "PREFIX": str(environment.path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    pod = run_script(read_base()["DaemonSet"], {"/textfiles": tmp_path}, **own)
    metrics = tmp_path / "hac-doctor.prom"
    deadline = time.monotonic() + 60
    while not metrics.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(pod.pid, signal.SIGTERM)
    assert pod.wait(10) == 0
    assert f'hac_doctor_status{{prefix="{environment.path}"}} 0' in metrics.read_text()


def evaluate(expression: str, **variables: Any) -> Any:
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    return program.evaluate({name: celpy.adapter.json_to_cel(value) for name, value in variables.items()})


@pytest.mark.parametrize(
    ("spec", "admitted"),
    [
        ({"containers": [{"image": f"r.example.com/team/a@{SHA}"}]}, True),
        ({"containers": [{"image": f"r.example.com/team/a:1@{SHA}"}]}, True),
        ({"containers": [{"image": "r.example.com/team/a:1"}]}, False),
        ({"containers": [{"image": "a"}]}, False),
        ({"containers": [{"image": f"a@{SHA[:-1]}"}]}, False),
        ({"containers": [{"image": f"a@{SHA}:1"}]}, False),
        ({"containers": [{"image": f"a@{SHA}"}, {"image": "b:1"}]}, False),
        ({"containers": [{"image": f"a@{SHA}"}], "initContainers": [{"image": "b:1"}]}, False),
        ({"containers": [{"image": f"a@{SHA}"}], "initContainers": [{"image": f"b@{SHA}"}]}, True),
        ({"containers": [{"image": f"a@{SHA}"}], "ephemeralContainers": [{"image": "busybox"}]}, False),
    ],
)
def test_the_policy_admits_images_by_digest_alone(spec: dict[str, Any], admitted: bool) -> None:
    """By an implementation of CEL, the language of admission policies."""
    policy = read_objects(POLICY.read_text())["ValidatingAdmissionPolicy"]["spec"]
    (variable,) = policy["variables"]
    (validation,) = policy["validations"]
    images = [str(item) for item in evaluate(variable["expression"], object={"spec": spec})]
    assert bool(evaluate(validation["expression"], variables={"images": images})) == admitted


def test_the_policy_and_its_binding_belong_together() -> None:
    objects = read_objects(POLICY.read_text())
    binding = objects["ValidatingAdmissionPolicyBinding"]["spec"]
    assert binding["policyName"] == objects["ValidatingAdmissionPolicy"]["metadata"]["name"]


def test_the_attestation_is_what_verify_prints() -> None:
    """The type is the one that its comment has cosign write, and the predicate's fields are those of the schema."""
    text = ATTESTED.read_text()
    (attestation,) = yaml.safe_load(text)["spec"]["authorities"][0]["attestations"]
    (told,) = re.findall(r"--type (\S+)", text)
    wanted = dict(re.findall(r'(\w+): "([^"]+)"', attestation["policy"]["data"]))
    assert attestation["predicateType"] == told == wanted["predicateType"]
    schema = json.loads((DEPLOY.parents[1] / "docs/verify.schema.json").read_text())["properties"]
    assert wanted["schema"] == schema["schema"]["const"]
    assert wanted["status"] in schema["status"]["enum"]
