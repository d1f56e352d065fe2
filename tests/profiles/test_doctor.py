"""What doctor says of other vendors' environments."""

from __future__ import annotations

import json

import pytest

from envtool.release.read_profile import load_profile
from tests.profiles.conftest import PROFILES, MakeVendor
from tests.support.environment import RealEnvironment
from tests.support.vendor_wheels import get_case


def look(environment: RealEnvironment) -> str:
    return environment.here("doctor", "--prefix", str(environment.path)).out


@pytest.mark.parametrize("profile", PROFILES)
def test_a_healthy_environment_is_called_by_its_vendors_name(profile: str, make_vendor: MakeVendor) -> None:
    environment = make_vendor(profile)
    document = environment.doctor()
    assert document["status"] == "healthy", document["findings"]
    pin = document["environment"]["pin"]
    assert pin["profile"] == profile
    pinned = {row["name"]: row["version"] for row in pin["distributions"]}
    assert pinned == get_case(profile).pinned
    assert load_profile(profile).title in look(environment)


@pytest.mark.parametrize("profile", ["ascend", "rebellions"])
def test_a_torch_that_the_plugin_does_not_admit_is_an_intruder(profile: str, make_vendor: MakeVendor) -> None:
    environment = make_vendor(profile)
    environment.uv_install("--upgrade", "torch==2.13.0")
    document = environment.doctor()
    replaced = [item for item in document["findings"] if item["id"] in {"torch-replaced", "torch-other-release"}]
    assert document["status"] == "damaged"
    assert load_profile(profile).cure.lost in replaced[0]["title"]
    assert replaced[0]["remedy"] == f"envtool restore --prefix {environment.path}"


def test_an_image_names_in_its_constraint_file_what_was_there(make_vendor: MakeVendor) -> None:
    """As NVIDIA's containers do since 25.03."""
    environment = make_vendor("ngc")
    environment.uv_install("--upgrade", "torch==2.6.0")
    # Without that file nothing tells what was there: such an environment is not damaged, it is just not the vendor's.
    assert environment.doctor()["status"] == "absent"
    root = environment.path.parent / "root"
    (root / "etc/pip").mkdir(parents=True)
    (root / "etc/pip/constraint.txt").write_text(
        "# all that the container has\nprotobuf==4.24.4\ntorch==2.8.0a0+5228986c39.nv25.5\ntorchvision==0.22.0a0\n"
    )
    from envtool.doctor.diagnose import diagnose
    from envtool.environment.context import EnvironmentContext, Location
    from envtool.environment.prefix import read_prefix
    from envtool.environment.reader import read_environment

    place = EnvironmentContext(location=Location.IMAGE, reference="ngc", root=root, variables={})
    report = diagnose(read_environment(read_prefix(environment.path), place))
    assert report.pin is not None
    assert report.pin.profile_id == "ngc"
    assert [item.id for item in report.findings if item.distribution == "torch"] == ["torch-replaced"]
    assert "2.8.0a0+5228986c39.nv25.5" in report.findings[0].title


def test_a_plugin_without_its_torch_tells_whose_torch_was_lost(make_vendor: MakeVendor) -> None:
    """huggingface/optimum-habana#2366: the index's torch came over Habana's."""
    environment = make_vendor("habana")
    environment.uv_install("--upgrade", "torch==2.10.0")
    document = environment.doctor()
    assert document["status"] == "damaged"
    (finding,) = document["findings"]
    assert finding["id"] == "torch-lost"
    assert "Habana" in finding["title"]
    assert "2.10.0" in finding["title"]
    restore = f"envtool restore --prefix {environment.path} --profile habana --vendor FOLDER_OR_INDEX"
    assert finding["remedy"] == f"{restore}   or: start a new container of the same image"


def test_another_vendors_torch_in_a_default_environment_is_the_intruder(environment: RealEnvironment) -> None:
    """Its pin says what should be there, whatever the new torch tells of itself."""
    from tests.support.vendor_wheels import write_stand_in

    folder = environment.path.parent / "rocm"
    write_stand_in(folder, "torch", "2.9.0+rocmsdk20251116")
    environment.uv_install("--find-links", str(folder), "torch==2.9.0+rocmsdk20251116")
    document = environment.doctor()
    assert document["status"] == "damaged"
    assert "profile" not in document["environment"]["pin"]


def test_nothing_is_said_of_profiles_where_the_default_one_holds(environment: RealEnvironment) -> None:
    document = environment.doctor()
    assert "profile" not in document["environment"]["pin"]
    assert "build " not in look(environment)


def test_upstreams_wheels_for_cuda_are_no_intruders_for_nvidia(make_vendor: MakeVendor) -> None:
    from tests.support.vendor_wheels import write_stand_in

    for profile, ids in (("ngc", []), ("rocm", ["cuda-wheels"])):
        environment = make_vendor(profile)
        folder = environment.path.parent / "runtime"
        write_stand_in(folder, "nvidia-cublas-cu12", "12.8.4.1")
        environment.uv_install("--find-links", str(folder), "nvidia-cublas-cu12")
        assert [item["id"] for item in environment.doctor()["findings"]] == ids


def test_a_profile_that_is_named_holds_whatever_is_there(make_vendor: MakeVendor) -> None:
    environment = make_vendor("cpu")
    environment.uv_install("--upgrade", "torch==2.13.0")
    outcome = environment.here("doctor", "--prefix", str(environment.path), "--format", "json", "--profile", "cpu")
    document = json.loads(outcome.out)
    assert document["status"] == "damaged"
    assert "upstream's build for CPUs" in document["findings"][0]["title"]
    restore = f"envtool restore --prefix {environment.path} --profile cpu --vendor FOLDER_OR_INDEX"
    assert document["findings"][0]["remedy"] == restore
    wrong = environment.here("doctor", "--prefix", str(environment.path), "--profile", "cpuu")
    assert wrong.status == 16
    assert "envtool profile list" in wrong.err
