"""What runs the service elsewhere: the package, the image, the chart; each by its own tool."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving import __main__ as serving_main
from serving import settings as settings_module
from serving.environment import ELSEWHERE, Environment

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm_deploy" / "rosh-triage"
SET = (
    "--set",
    "image.tag=1,alerts.to=a@b.uk,alerts.env.ROSH_NOTIFY_TEMPLATE=t,publish.enabled=true,"
    "backup.enabled=true,publish.env.ROSH_EVENTS_TOPIC=arn:aws:sns:eu-west-2:1:events",
)
BIN = Path(sys.executable).parent
YAML_RULES = "{extends: default, rules: {line-length: {max: 120}, document-start: disable}}"
LICENCES = (
    "Apache",
    "MIT",
    "BSD",
    "ISC",
    "PSF",
    "Python",
    "MPL",
    "Mozilla",
    "LGPL",
    "Lesser",
    "Unlicense",
    "0BSD",
    "Zlib",
    "HPND",
    "CMU",
)
"""Licences under which a public body may hand this on: permissive, or weak copyleft."""


def run_tool(name: str, *arguments: str) -> str:
    """What a tool of the virtual environment prints; fails with its words where it does not pass."""
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not made for this machine")
    done = subprocess.run(
        [BIN / name, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def resources() -> list[dict[str, Any]]:
    """What the chart makes of its values."""
    rendered = run_tool("helm", "template", "rosh", str(CHART), *SET)
    return [one for one in yaml.safe_load_all(rendered) if one]


def pods(resources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in resources:
        spec = one["spec"].get("jobTemplate", one)["spec"]
        if "template" in spec:
            yield spec["template"]["spec"]


def test_the_chart_is_valid(resources: list[dict[str, Any]], tmp_path: Path) -> None:
    run_tool("helm", "lint", str(CHART), *SET, "--strict")
    run_tool("yamllint", "-d", YAML_RULES, str(CHART / "values.yaml"), str(CHART / "Chart.yaml"))
    # The cluster's own kinds have no schema here.
    own = [one for one in resources if one["kind"] not in ("PrometheusRule", "ServiceMonitor")]
    path = tmp_path / "rendered.yaml"
    path.write_text(yaml.safe_dump_all(own), encoding="utf-8")
    run_tool("kubernetes-validate", "--strict", "--quiet", str(path))
    assert {"CronJob", "Deployment", "Ingress", "Job", "Service"} <= {one["kind"] for one in own}


def test_no_container_is_root_or_writes_outside_its_volumes(
    resources: list[dict[str, Any]],
) -> None:
    every_pod = list(pods(resources))
    assert len(every_pod) == 7
    for pod in every_pod:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["enableServiceLinks"] is False, "its variables would look like settings"
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}


def test_containers_are_given_settings_that_there_are(resources: list[dict[str, Any]]) -> None:
    for pod in pods(resources):
        for container in pod["containers"]:
            names = [one["name"] for one in container["env"]]
            assert set(names) <= {*Environment.model_fields, *ELSEWHERE}
            assert len(names) == len(set(names))
    set_in_image = re.findall(r"\b([A-Z_]+)=", (ROOT / "Dockerfile").read_text("utf-8"))
    ours = {name for name in set_in_image if name.startswith("ROSH_")}
    assert ours <= set(Environment.model_fields)


def test_every_container_has_a_limit_that_is_at_least_its_request(
    resources: list[dict[str, Any]],
) -> None:
    """A namespace has a limit of its own where a container has none, and refuses a larger request."""
    for pod in pods(resources):
        for container in pod["containers"]:
            own = container["resources"]
            cores = {
                name: float(part["cpu"].removesuffix("m")) / (1000 if "m" in part["cpu"] else 1)
                for name, part in own.items()
            }
            assert cores["requests"] <= cores["limits"]
            assert "memory" in own["limits"]


def test_while_a_backup_is_restored_nothing_migrates_opens_or_starts() -> None:
    values = "migrate.enabled=false,suspended=true,replicaCount=0"
    rendered = run_tool("helm", "template", "rosh", str(CHART), *SET, "--set", values)
    listed = [one for one in yaml.safe_load_all(rendered) if one]
    every_pod = list(pods(listed))
    assert len(every_pod) == 6
    assert not any(
        "migrate" in (one.get("args") or []) for p in every_pod for one in p["containers"]
    )
    jobs = [one["spec"]["suspend"] for one in listed if one["kind"] == "CronJob"]
    assert jobs == [True] * 5
    assert [one["spec"]["replicas"] for one in listed if one["kind"] == "Deployment"] == [0]


def test_only_the_admin_job_is_suspended(resources: list[dict[str, Any]]) -> None:
    jobs = {
        one["metadata"]["name"]: one["spec"]["suspend"]
        for one in resources
        if one["kind"] == "CronJob"
    }
    assert [name for name, suspended in jobs.items() if suspended] == ["rosh-triage-admin"]


def test_pages_count_the_events_that_wait(resources: list[dict[str, Any]]) -> None:
    """The alert RoshTriageEventsWait is about a metric that pages have where they know the topic."""
    web = next(one for one in resources if one["kind"] == "Deployment")
    env = web["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "ROSH_EVENTS_TOPIC", "value": "arn:aws:sns:eu-west-2:1:events"} in env


def test_a_backup_on_a_volume_is_within_reach_of_a_person(
    resources: list[dict[str, Any]],
) -> None:
    """Else none could be written before a deployment, and none restored."""
    mounted = {
        container["name"]: [one["mountPath"] for one in container["volumeMounts"]]
        for pod in pods(resources)
        for container in pod["containers"]
    }
    assert {name for name, paths in mounted.items() if "/backup" in paths} == {"admin", "backup"}


def test_with_files_in_s3_no_pod_needs_a_volume() -> None:
    addresses = {"env.ROSH_OBJECTS": "s3://bucket/a", "backup.address": "s3://bucket/b"}
    more = [part for name, value in addresses.items() for part in ("--set", f"{name}={value}")]
    rendered = run_tool("helm", "template", "rosh", str(CHART), *SET, *more)
    every_pod = list(pods([one for one in yaml.safe_load_all(rendered) if one]))
    assert len(every_pod) == 7
    for pod in every_pod:
        assert all("persistentVolumeClaim" not in volume for volume in pod["volumes"])
        assert {"name": "data", "emptyDir": {}} in pod["volumes"]
        for container in pod["containers"]:
            assert {"name": "ROSH_OBJECTS", "value": "s3://bucket/a"} in container["env"]
    commands = [container.get("args") for pod in every_pod for container in pod["containers"]]
    assert ["backup", "--out", "s3://bucket/b"] in commands


def test_a_chart_without_anybody_to_tell_is_not_deployed() -> None:
    if not (BIN / "helm").exists():
        pytest.skip("helm is not made for this machine")
    done = subprocess.run(
        [BIN / "helm", "template", str(CHART), "--set", "image.tag=1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "who is told when no night ran" in done.stderr


def test_only_what_a_person_starts_has_the_owners_password(
    resources: list[dict[str, Any]],
) -> None:
    secrets = {
        container["name"]: one["valueFrom"]["secretKeyRef"]["name"]
        for pod in pods(resources)
        for container in pod["containers"]
        for one in container["env"]
        if one["name"] == "DATABASE_URL"
    }
    owner = secrets.pop("migrate")
    assert secrets.pop("backup") == owner, "pg_dump reads what no role of the service may"
    assert secrets.pop("admin") == owner
    assert owner not in secrets.values()
    assert set(secrets) == {"web", "night", "check-night", "publish"}


def test_each_container_is_given_the_secrets_that_it_needs_and_no_others(
    resources: list[dict[str, Any]],
) -> None:
    secret_names = {f"ROSH_{name.upper()}" for name in settings_module._SECRETS}
    needed = {
        "web": settings_module.WEB_SECRETS,
        "night": settings_module.NIGHT_SECRETS,
        "check-night": settings_module.CHECK_SECRETS,
        "publish": settings_module.CHECK_SECRETS,
        "migrate": settings_module.MIGRATION_SECRETS,
        "backup": settings_module._SECRETS,
        "admin": settings_module._SECRETS,
    }
    # Only an embedded database asks for the owner's password by this name.
    without_database = {f"ROSH_{name.upper()}" for name in ("admin_password",)}
    for pod in pods(resources):
        for container in pod["containers"]:
            variables = {
                one["name"]: "s" * 30 if "valueFrom" in one else one["value"]
                for one in container["env"]
            }
            own = {f"ROSH_{name.upper()}" for name in needed[container["name"]]}
            assert variables.keys() & secret_names == own - without_database
            if "ROSH_PUBLIC_URL" in variables:
                variables["ROSH_PUBLIC_URL"] = "https://rosh.example"
            settings_module.read_settings(variables, needed=needed[container["name"]])


def test_the_schedule_starts_commands_that_there_are(resources: list[dict[str, Any]]) -> None:
    parser = serving_main.build_parser()
    jobs = [one for one in resources if one["kind"] == "CronJob"]
    assert len(jobs) == 5
    for job in jobs:
        spec = job["spec"]["jobTemplate"]["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        words = container.get("args") or container["command"][2].split()[2:5]
        if job["spec"]["suspend"]:
            continue
        assert callable(parser.parse_args(words).run)
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        assert spec["backoffLimit"] == 0


def test_the_image_is_made_as_its_linter_says() -> None:
    run_tool("hadolint", "Dockerfile")
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert "USER 2000" in text
    assert text.index("USER 2000") > text.index("COPY --from=build")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of what git holds, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if name.split("/")[0] in ("features", "models", "training", "serving", "requirements") or (
            name in ("pyproject.toml", "README.md", "LICENSE")
        ):
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run(
        [sys.executable, "-m", *command, str(folder / "source")], check=True, capture_output=True
    )
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_has_every_file_that_the_code_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = wheel.parent / "source"
    files = {
        str(path.relative_to(source))
        for package in ("features", "models", "training", "serving")
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - names == set()
    assert not [name for name in names if name.startswith("tests/")]


def test_the_wheel_names_what_it_needs_and_its_commands(wheel: Path) -> None:
    content = zipfile.ZipFile(wheel)
    (folder,) = {name.split("/")[0] for name in content.namelist() if ".dist-info/" in name}
    metadata = content.read(f"{folder}/METADATA").decode()
    for name in ("serve", "train", "spark"):
        lines = (ROOT / "requirements" / f"{name}.in").read_text("utf-8").splitlines()
        for line in lines:
            package = re.split(r"[ \[>=]", line)[0]
            if package and not line.startswith("#"):
                assert re.search(rf"^Requires-Dist: {re.escape(package)}\b", metadata, re.M), line
    commands = content.read(f"{folder}/entry_points.txt").decode()
    for name in ("features", "training", "serving"):
        assert f"rosh-{name} = {name}.__main__:main" in commands


def test_the_installed_package_runs_away_from_its_source(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    command = ["pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    for name in ("features", "training", "serving"):
        done = subprocess.run(
            [sys.executable, target / "bin" / f"rosh-{name}", "--help"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "COMMAND" in done.stdout


def locked(name: str) -> set[str]:
    """The packages of a lock file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return set(re.findall(r"^([a-z0-9._-]+)==", text, re.M))


BLOCKED = """
import importlib.abc, sys
blocked = set(sys.argv[1].split(","))
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not in the image")
sys.meta_path.insert(0, Refuse())
import lightgbm
import features.__main__, features.intake.load, features.notes.reader
import serving.__main__, serving.web.app, serving.night.run, serving.night.nightly
import serving.night.replay_run, serving.night.prepare_cases, serving.reports.public_record
from models import bundle, explain
"""


def test_pages_and_night_need_nothing_that_the_image_has_not() -> None:
    """All that the locks of training and tests add is refused when it is imported."""
    others = (locked("base") | locked("dev")) - locked("serve")
    modules = {
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if any(re.sub(r"[-_.]+", "-", name).lower() in others for name in packages)
    }
    in_image = {
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if any(re.sub(r"[-_.]+", "-", name).lower() in locked("serve") for name in packages)
    }
    blocked = sorted(modules - in_image - {"tests"})
    assert {"mlflow", "shap", "sklearn", "pandas", "pyarrow"} <= set(blocked)
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, ",".join(blocked)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_bill_of_materials_names_every_package_of_the_image(tmp_path: Path) -> None:
    out = tmp_path / "sbom.json"
    lock = str(ROOT / "requirements" / "serve.txt")
    run_tool("cyclonedx-py", "requirements", lock, "--of", "JSON", "-o", str(out))
    named = {one["name"].lower() for one in json.loads(out.read_text("utf-8"))["components"]}
    assert {re.sub(r"[-_.]+", "-", name) for name in named} == locked("serve")


def test_no_licence_of_the_image_forbids_handing_it_on() -> None:
    printed = json.loads(run_tool("pip-licenses", "--format=json", "--from=mixed"))
    ours = [
        one for one in printed if re.sub(r"[-_.]+", "-", one["Name"]).lower() in locked("serve")
    ]
    assert len(ours) > 50
    wrong = [
        f"{one['Name']}: {one['License']}"
        for one in ours
        if not any(word in one["License"] for word in LICENCES)
        or re.search(r"(?<!L)(?<!Lesser )\b(AGPL|GPL|GNU General)", one["License"])
    ]
    assert not wrong
