"""`envtool restore` beside other vendors' torches: from a folder, an index, and the machine's own wheels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.release.pin import PIN_FILE, read_pin
from envtool.release.read_profile import load_profile
from tests.profiles.conftest import PROFILES, MakeVendor
from tests.support.environment import Outcome, RealEnvironment, environment_in, make_virtual_environment
from tests.support.local_index import serve_wheels
from tests.support.vendor_wheels import get_case, write_stand_in

Wheels = Callable[[str], Path]
# Their torch's version tells it, or what stands beside it; of the others a pin has to.
KNOWN_AFTERWARDS = ["rocm", "ascend", "rebellions"]


def put_back(environment: RealEnvironment, *arguments: str) -> Outcome:
    return environment.here("restore", "--prefix", str(environment.path), *arguments)


def versions(environment: RealEnvironment) -> dict[str, str]:
    return {row["name"]: row["version"] for row in environment.doctor()["environment"]["pin"]["distributions"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_from_a_folder_after_protect(profile: str, make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    environment = make_vendor(profile)
    assert environment.here("protect", "--prefix", str(environment.path)).status == 0
    environment.uv_install("--upgrade", "torch==2.13.0", "by-vision")
    assert environment.doctor()["status"] == "damaged"
    done = put_back(environment, "--vendor", str(vendor_wheels(profile)))
    assert done.status == 0, done.err + done.out
    document = environment.doctor("--deep")
    assert document["status"] == "healthy", document["findings"]
    assert versions(environment) == get_case(profile).pinned
    pin = read_pin(environment.path)
    assert pin is not None
    assert pin.profile_id == profile
    # What was put back has a hash from now on, so the next one needs no source.
    assert pin.torch.sha256
    environment.uv_install("--upgrade", "--reinstall", "torch==2.6.0")
    assert put_back(environment).status == 0
    assert environment.doctor("--deep")["status"] == "healthy"


@pytest.mark.parametrize("profile", KNOWN_AFTERWARDS)
def test_what_stands_beside_it_tells_which_it_was(profile: str, make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    environment = make_vendor(profile)
    environment.uv_install("--upgrade", "torch==2.13.0")
    if profile in {"ascend", "rebellions"}:
        # Upstream's torch stands beside the plug-in; a folder with the plug-in's one is enough.
        write_stand_in(vendor_wheels(profile), "torch", get_case(profile).torch.partition("+")[0])
    done = put_back(environment, "--vendor", str(vendor_wheels(profile)))
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["status"] == "healthy"
    assert not (environment.site_packages / ".hac-restore").exists()


def test_a_profile_that_is_named_takes_the_newest_release(make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    """Nothing is left that tells which one it was."""
    environment = make_vendor("ngc")
    environment.uv_install("--upgrade", "torch==2.6.0")
    assert environment.doctor()["status"] == "absent"
    folder = environment.path.parent / "folder"
    shutil.copytree(vendor_wheels("ngc"), folder)
    write_stand_in(folder, "torch", "2.7.0a0+6c54963f75.nv25.4")
    write_stand_in(folder, "torch", "2.8.0")
    done = put_back(environment, "--profile", "ngc", "--vendor", str(folder))
    assert done.status == 0, done.err
    assert versions(environment)["torch"] == "2.8.0a0+5228986c39.nv25.5"
    done = put_back(environment, "--profile", "ngc", "--vendor", str(folder), "--release", "25.4")
    assert done.status == 0, done.err
    assert versions(environment)["torch"] == "2.7.0a0+6c54963f75.nv25.4"
    wrong = put_back(environment, "--profile", "ngc", "--vendor", str(folder), "--release", "25.1")
    assert wrong.status == 7
    assert "envtool restore --release 25.5" in wrong.err


@pytest.mark.parametrize(
    ("profile", "others"),
    [
        ("rocm", ("2.9.0", "2.9.0+rocm6.4", "2.9.0+cpu")),
        ("ngc", ("2.8.0", "2.8.0a0", "2.8.0a0+5228986c39.nv25.6")),
        ("habana", ("2.10.0", "2.10.0+cpu")),
        ("xpu", ("2.8.0", "2.8.0+cpu")),
        ("cuda", ("2.8.0", "2.8.0+cu126")),
        ("rebellions", ("2.8.0",)),
    ],
)
def test_upstreams_of_the_same_version_does_not_take_its_place(
    profile: str, others: tuple[str, ...], make_vendor: MakeVendor
) -> None:
    environment = make_vendor(profile)
    assert environment.here("protect", "--prefix", str(environment.path)).status == 0
    environment.uv_install("--upgrade", "torch==2.13.0")
    folder = environment.path.parent / "others"
    for version in others:
        write_stand_in(folder, "torch", version)
    before = sorted(path.name for path in environment.site_packages.iterdir())
    done = put_back(environment, "--vendor", str(folder))
    assert done.status == 7
    assert f"the wheel of torch {get_case(profile).torch} is nowhere to be had" in done.err
    assert f"torch-{others[0]}-" in done.err
    assert "envtool restore --vendor FOLDER_OR_INDEX" in done.err
    words = load_profile(profile).cure.restore
    assert words.startswith("envtool restore") or words in done.err
    assert sorted(path.name for path in environment.site_packages.iterdir()) == before


def test_a_compiled_wheel_of_upstreams_form_is_told_by_its_platform(
    tmp_path: Path, upstream_wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Jetson: 2.8.0 without a label, and an index with upstream's 2.8.0 for manylinux."""
    import platform

    environment = environment_in(tmp_path, upstream_wheels, tmp_path)
    environment.variables["L4T_VERSION"] = "36.4.3"
    monkeypatch.setenv("L4T_VERSION", "36.4.3")
    make_virtual_environment(environment.path)
    machine = platform.machine()
    compiled, upstream = tmp_path / "compiled", tmp_path / "upstream"
    write_stand_in(compiled, "torch", "2.8.0", tag=f"py3-none-linux_{machine}")
    write_stand_in(upstream, "torch", "2.8.0", tag=f"py3-none-manylinux_2_5_{machine}")
    environment.uv_install("--find-links", str(compiled), "torch @ " + next(compiled.glob("*.whl")).as_uri())
    assert environment.here("protect", "--prefix", str(environment.path)).status == 0
    environment.uv_install("--upgrade", "torch==2.13.0")
    wrong = put_back(environment, "--vendor", str(upstream))
    assert wrong.status == 7, wrong.out
    done = put_back(environment, "--vendor", str(compiled))
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["status"] == "healthy"


@pytest.fixture
def acme(tmp_path: Path, upstream_wheels: Path) -> Callable[..., RealEnvironment]:
    """An environment of a user's own profile, of which the sources are given."""

    def make(*, indexes: tuple[str, ...] = (), wheels: tuple[str, ...] = ()) -> RealEnvironment:
        environment = environment_in(tmp_path, upstream_wheels, tmp_path)
        folder = tmp_path / "home/config/hac-envtool/profiles"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "acme.toml").write_text(
            'schema = 1\nid = "acme"\ntitle = "Acme\'s build"\nlabel = "acme"\n'
            f"indexes = {json.dumps(indexes)}\nwheels = {json.dumps(wheels)}\n"
            "[[version]]\npattern = '{public}\\+(?P<compute>cu[0-9]+)\\.acme(?P<release>[0-9.]+)'\n"
            "[[pinned]]\nname = \"torch\"\nversion = '.*acme.*'\n"
            '[[pinned]]\nname = "acme-kernels"\n'
            '[cure]\nlost = "the card is lost"\nrestore = "acme-install"\n'
        )
        load_profile.cache_clear()
        vendor = tmp_path / "acme-wheels"
        write_stand_in(vendor, "torch", "2.4.0+cu12.acme7")
        write_stand_in(vendor, "acme-kernels", "0.3", ("torch==2.4.0",))
        make_virtual_environment(environment.path)
        environment.uv_install("--find-links", str(vendor), "torch==2.4.0+cu12.acme7", "acme-kernels")
        assert environment.here("protect", "--prefix", str(environment.path)).status == 0
        environment.uv_install("--upgrade", "torch==2.13.0")
        return environment

    return make


def remedy(environment: RealEnvironment) -> str:
    findings = environment.doctor()["findings"]
    return next(str(item["remedy"]) for item in findings if item["id"] == "torch-replaced")


def test_from_the_wheels_that_the_machines_image_keeps(acme: Callable[..., RealEnvironment], tmp_path: Path) -> None:
    environment = acme(wheels=(str(tmp_path / "not-there"), str(tmp_path / "acme-wheels")))
    assert remedy(environment) == f"envtool restore --prefix {environment.path}"
    done = put_back(environment)
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["status"] == "healthy"


def test_from_the_vendors_index_by_its_compute_platform(acme: Callable[..., RealEnvironment], tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    environment = acme(indexes=("http://127.0.0.1:1/whl/{compute}",))
    for wheel in (tmp_path / "acme-wheels").glob("*.whl"):
        shutil.copy(wheel, served)
    broken = put_back(environment)
    assert broken.status == 7
    assert "the index http://127.0.0.1:1/whl/cu12 does not answer" in broken.err
    with serve_wheels(served) as address:
        profile = tmp_path / "home/config/hac-envtool/profiles/acme.toml"
        profile.write_text(profile.read_text().replace("http://127.0.0.1:1/whl/{compute}", address))
        # It is read once in a process, and a person starts another one.
        load_profile.cache_clear()
        assert remedy(environment) == f"envtool restore --prefix {environment.path}"
        done = put_back(environment)
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["status"] == "healthy"
    assert "sha256" in (environment.path / PIN_FILE).read_text()


def test_where_no_source_is_known_the_next_step_is_to_name_one(acme: Callable[..., RealEnvironment]) -> None:
    environment = acme()
    assert remedy(environment) == f"envtool restore --prefix {environment.path} --vendor FOLDER_OR_INDEX"
    done = put_back(environment)
    assert done.status == 7
    assert "envtool restore --vendor FOLDER_OR_INDEX" in done.err
    assert "acme-install" in done.err


def test_nvidias_runtime_stays_with_nvidia_and_goes_with_amd(make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    for profile, stays in (("ngc", True), ("rocm", False)):
        environment = make_vendor(profile)
        assert environment.here("protect", "--prefix", str(environment.path)).status == 0
        folder = environment.path.parent / "runtime"
        write_stand_in(folder, "nvidia-cublas-cu12", "12.8.4.1")
        write_stand_in(folder, "torch", "2.14.0", ("nvidia-cublas-cu12",))
        environment.uv_install("--find-links", str(folder), "--upgrade", "torch==2.14.0")
        assert put_back(environment, "--vendor", str(vendor_wheels(profile))).status == 0
        assert environment.doctor()["status"] == "healthy"
        assert bool(list(environment.site_packages.glob("nvidia_cublas*"))) == stays


def test_single_files_are_mended_from_the_wheel(make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    environment = make_vendor("rocm")
    folder = str(vendor_wheels("rocm"))
    assert put_back(environment, "--vendor", folder, "--force").status == 0
    (environment.site_packages / "torch/__init__.py").write_text("broken = True\n")
    done = put_back(environment, "--vendor", folder)
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["status"] == "healthy"


def test_a_dry_run_changes_nothing(make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    environment = make_vendor("rocm")
    environment.uv_install("--upgrade", "torch==2.13.0")
    before = sorted(path.name for path in environment.site_packages.iterdir())
    done = put_back(environment, "--vendor", str(vendor_wheels("rocm")), "--dry-run", "--format", "json")
    assert done.status == 0, done.err
    assert "2.9.0+rocmsdk20251116" in done.out
    assert sorted(path.name for path in environment.site_packages.iterdir()) == before
    assert not (environment.path / PIN_FILE).exists()


def test_the_releases_that_can_be_had(make_vendor: MakeVendor, vendor_wheels: Wheels) -> None:
    environment = make_vendor("ngc")
    folder = environment.path.parent / "folder"
    shutil.copytree(vendor_wheels("ngc"), folder)
    write_stand_in(folder, "torch", "2.7.0a0+6c54963f75.nv25.4")
    write_stand_in(folder, "torch", "2.9.0a0+50eac811a6.nv25.9", tag="cp38-cp38-linux_x86_64")
    write_stand_in(folder, "torch", "2.8.0")
    done = environment.here("list", "--releases", "--prefix", str(environment.path), "--vendor", str(folder))
    assert done.status == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "Currently installed: 2.8.0a0+5228986c39.nv25.5"
    newest, installed, older = lines[2:]
    assert newest.startswith(f"25.9 2.9.0a0+50eac811a6.nv25.9 {folder} it is for cp38")
    assert installed == f"25.5 2.8.0a0+5228986c39.nv25.5 {folder} installed"
    assert older == f"25.4 2.7.0a0+6c54963f75.nv25.4 {folder}"


def test_a_hash_is_no_order_of_releases() -> None:
    from envtool.release.version import parse_vendor_version

    habana = load_profile("habana")
    newer = parse_vendor_version("2.10.0a0+git079b46c", habana)
    older = parse_vendor_version("2.7.1a0+gitf4af4a1", habana)
    assert newer is not None
    assert older is not None
    assert newer.is_newer_than(older)
    assert not older.is_newer_than(newer)


def test_a_source_that_is_not_there_is_not_kept(acme: Callable[..., RealEnvironment], tmp_path: Path) -> None:
    environment = acme()
    missing = tmp_path / "mnt/wheels"
    done = environment.here("vendor", "add", str(missing))
    assert done.status == 6
    assert f"there is no folder {missing}" in done.err
    assert "envtool vendor add FOLDER_OR_INDEX" in done.err
    file = tmp_path / "a-file"
    file.write_text("")
    assert environment.here("vendor", "add", str(file)).status == 6
    assert "no vendor source" in environment.here("vendor", "list").out
    assert environment.here("vendor", "add", str(tmp_path / "acme-wheels")).status == 0
    assert environment.here("restore", "--prefix", str(environment.path)).status == 0
