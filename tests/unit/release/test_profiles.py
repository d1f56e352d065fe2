"""Profiles: every version that was seen in public goes to its vendor's, and to no other."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from envtool.errors import SettingsError
from envtool.release.profile import Profile, VendorSigns
from envtool.release.profile_values import check_patterns
from envtool.release.read_profile import PROFILES, list_profiles, load_profile, parse_profile
from envtool.release.select_profile import detect_profile, find_named_profile, match_profile
from envtool.release.version import parse_vendor_version

SCHEMA = Path(__file__).parents[3] / "docs/profile.schema.json"

# Torches that facts and public reports name: version, profile, release.
TORCHES = [
    ("1.7.1+cu110.moreh22.8.0", "hac", "22.8.0"),
    ("1.10.0+cpuonly.moreh0.2.0", "hac", "0.2.0"),
    ("1.13.1+cu116.moreh24.9.211", "hac", "24.9.211"),
    ("2.1.0+moreh25.4.3016", "hac", "25.4.3016"),
    ("2.3.0a0+ebedce2", "ngc", ""),
    ("2.8.0a0+5228986c39.nv25.5", "ngc", "25.5"),
    ("2.8.0a0+5228986c39.nv25.05", "ngc", "25.5"),
    ("2.1.0a0+32f93b1", "ngc", ""),
    ("2.1.0a0+29c30b1", "ngc", ""),
    ("2.1.0a0+b5021ba", "ngc", ""),
    ("1.14.0a0+44dac51c.nv23.01", "ngc", "23.1"),
    ("1.13.0a0+d0d6b1f", "ngc", ""),
    ("2.6.0a0+ecf3bae40a.nv25.01", "ngc", "25.1"),
    ("2.7.0a0+79aa17489c.nv25.4", "ngc", "25.4"),
    ("2.10.0a0+b558c986e8.nv25.11", "ngc", "25.11"),
    ("2.11.0a0+eb65b36914.nv26.02", "ngc", "26.2"),
    ("2.12.0a0+0291f960b6.nv26.04.48445190", "ngc", "26.4.48445190"),
    ("2.13.0a0+9186a08b2c.nv26.7.59513937", "ngc", "26.7.59513937"),
    ("2.5.0a0+872d972e41.nv24.08.17622132", "jetson", "24.8.17622132"),
    ("2.4.0a0+3bcc3cddb5.nv24.07.16234504", "jetson", "24.7.16234504"),
    ("2.4.0a0+07cecf4168.nv24.05.14710581", "jetson", "24.5.14710581"),
    ("2.1.0a0+nv23.11", "jetson", "23.11"),
    ("2.0.0+nv23.05", "jetson", "23.5"),
    ("2.4.0.dev20240520+rocm6.0", "rocm", "6.0"),
    ("2.9.0+rocmsdk20251116", "rocm", "20251116"),
    ("2.7.1+rocm6.2.4", "rocm", "6.2.4"),
    ("2.5.1+rocm6.2", "rocm", "6.2"),
    ("2.9.1+rocm6.4", "rocm", "6.4"),
    ("2.10.0.dev20250926+rocm6.3", "rocm", "6.3"),
    ("2.4.0+rocm6.3.4.git7cecbf6d", "rocm", "6.3.4"),
    ("2.7.0a0+rocm7.0.0rc20250806", "rocm", "7.0.0rc20250806"),
    ("1.13.1+rocm5.2", "rocm", "5.2"),
    ("2.9.1+rocm7.1.1.git351ff442", "rocm", "7.1.1"),
    ("2.9.1+rocm7.2.1.lw.gitff65f5bc", "rocm", "7.2.1"),
    ("2.9.0.dev20250821+rocm7.0.0.lw.git125803b7", "rocm", "7.0.0"),
    ("2.13.0a0+rocm7.13.0a20260422", "rocm", "7.13.0a20260422"),
    ("2.6.0+hpu.1.20.0.543.git4952fce", "habana", "1.20.0.543.git4952fce"),
    ("2.9.0+hpu_1.23.1-25.git8598e6d", "habana", "1.23.1.25.git8598e6d"),
    ("2.10.0a0+git979b46c", "habana", "979b46c"),
    ("2.2.2a0+gitb5d0b9b", "habana", "b5d0b9b"),
    ("2.5.1a0+git6fc067b", "habana", "6fc067b"),
    ("2.1.0.post2+cxx11.abi", "xpu", ""),
    ("2.1.0a0+cxx11.abi", "xpu", ""),
    ("2.0.1a0+cxx11.abi", "xpu", ""),
    ("2.8.0+xpu", "xpu", ""),
    ("2.7.0.dev20250202+xpu", "xpu", ""),
    ("2.1.0+cpu.cxx11.abi", "cpu", ""),
    ("2.13.0+cpu", "cpu", ""),
    ("2.6.0.dev20241112+cpu", "cpu", ""),
    ("2.9.0+cu130", "cuda", ""),
    ("2.8.0+cu128", "cuda", ""),
    ("1.7.1+cu110", "cuda", ""),
    ("2.1.0+cu121", "cuda", ""),
    ("2.8.0.dev20250319+cu128", "cuda", ""),
]
PLUGINS = [
    ("torch-npu", "2.5.1.post1.dev20250619", "ascend"),
    ("torch-npu", "2.7.1.post4", "ascend"),
    ("torch-npu", "2.1.0.post10", "ascend"),
    ("torch-npu", "2.6.0rc1", "ascend"),
    ("torch-npu", "2.7.1rc1", "ascend"),
    ("torch-npu", "2.5.1", "ascend"),
    ("torch-npu", "2.7.1.dev20250724", "ascend"),
    ("torch-rbln", "0.5.0rc0", "rebellions"),
    ("torch-rbln", "0.4.0", "rebellions"),
    ("torch-rbln", "0.1.1.dev3", "rebellions"),
]
NOBODYS = [
    *("2.8.0", "1.7.1", "2.1.0.post2", "2.4.0+acme7", "2.3.0+deadbee1", "x", "", "2.13.0+cpu.moreh", "2.8.0+metal"),
    # Of vendors without a profile; the last is no version for PEP 440.
    *("2.6.0+metax3.1.0.4", "2.4.1+das.opt2.dtk2504", "2.7.1+corex.4.4.0", "2.1.0+das1.0+git00661e0.abi0.dtk2404"),
]


@dataclass(frozen=True)
class Place:
    """Stands in for an environment: whose signs are there, and the platform of its wheels."""

    signs: frozenset[str] = frozenset()
    platform: str = "manylinux_2_28_x86_64"

    def has_sign(self, signs: VendorSigns) -> bool:
        return bool(self.signs & {*signs.files, *signs.variables, *signs.distributions})

    def has_platform(self, distribution: str, version: str, platform: str) -> bool:
        return self.platform.startswith(platform) and bool(distribution and version)


@pytest.mark.parametrize(("version", "profile", "release"), TORCHES)
def test_a_version_goes_to_one_profile_and_to_no_other(version: str, profile: str, release: str) -> None:
    recognised = [item.id for item in list_profiles() if match_profile(item, {"torch": [version]})]
    assert recognised == [profile]
    parsed = parse_vendor_version(version, load_profile(profile))
    assert parsed is not None
    assert parsed.release == release
    assert "+" not in str(parsed.public)


@pytest.mark.parametrize(("name", "version", "profile"), PLUGINS)
@pytest.mark.parametrize("torch", ["2.5.1", "2.8.0+cpu", "2.9.0"])
def test_a_plugin_tells_whatever_torch_stands_beside_it(name: str, version: str, profile: str, torch: str) -> None:
    found = detect_profile({"torch": [torch], name: [version]}, Place(), also_plain=True)
    assert found is not None
    assert found.id == profile


@pytest.mark.parametrize("version", NOBODYS)
def test_what_is_nobodys_goes_to_nobody(version: str) -> None:
    assert detect_profile({"torch": [version]}, also_plain=True) is None


@pytest.mark.parametrize("version", ["2.13.0+cpu", "2.9.0+cu130"])
def test_upstreams_own_builds_must_be_named(version: str) -> None:
    """Else they are what they mostly are: the intruder."""
    assert detect_profile({"torch": [version]}, Place()) is None


@pytest.mark.parametrize(
    ("version", "place", "profile"),
    [
        # A build from source by whoever: nobody's, unless Habana's or AMD's own distributions are beside it.
        ("2.10.0a0+git979b46c", Place(), None),
        ("2.10.0a0+git979b46c", Place(frozenset({"habana-torch-plugin"})), "habana"),
        ("2.3.0a0+git2e4abc8", Place(frozenset({"/opt/rocm"})), "rocm"),
        ("2.5.0a0+git9c69a5c", Place(frozenset({"intel-extension-for-pytorch"})), "xpu"),
        # The same label on NVIDIA's servers and on its boards.
        ("2.1.0a0+41361538.nv23.06", Place(), "ngc"),
        ("2.1.0a0+41361538.nv23.06", Place(frozenset({"/etc/nv_tegra_release"}), "linux_aarch64"), "jetson"),
        ("2.5.0a0+872d972e41.nv24.08", Place(frozenset({"L4T_VERSION"}), "linux_aarch64"), "jetson"),
        ("2.13.0a0+9186a08b2c.nv26.7.59513937", Place(frozenset({"L4T_VERSION"}), "linux_aarch64"), "jetson"),
        # Compiled on the board, and what uv put over it.
        ("2.8.0", Place(frozenset({"/etc/nv_tegra_release"}), "linux_aarch64"), "jetson"),
        ("2.6.0", Place(frozenset({"/etc/nv_tegra_release"}), "manylinux_2_28_aarch64"), None),
        ("2.1.0.post2", Place(frozenset({"intel-extension-for-pytorch"})), "xpu"),
        ("2.1.0.post2", Place(), None),
    ],
)
def test_signs_tell_where_versions_do_not(version: str, place: Place, profile: str | None) -> None:
    found = detect_profile({"torch": [version]}, place)
    assert (found.id if found is not None else None) == profile


def test_profiles_of_the_tool_match_the_published_schema() -> None:
    schema = json.loads(SCHEMA.read_text())
    names = {path.stem for path in PROFILES.glob("*.toml")}
    assert names == {*["hac", "ngc", "jetson", "rocm", "habana", "xpu", "ascend", "rebellions", "cpu", "cuda"]}
    for path in PROFILES.glob("*.toml"):
        table = tomllib.loads(path.read_text())
        jsonschema.validate(table, schema)
        assert table["id"] == path.stem


OWN = """
schema = 1
id = "acme"
title = "Acme's build"
label = "acme"
[[version]]
pattern = '{public}\\+acme(?P<release>[0-9]+)'
[[pinned]]
name = "torch"
[cure]
lost = "the Acme card is lost"
restore = "acme-restore"
"""


def test_an_own_profile_is_taken_from_a_file_a_folder_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "config/hac-envtool/profiles"
    folder.mkdir(parents=True)
    file = folder / "acme.toml"
    file.write_text(OWN)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = detect_profile({"torch": ["2.4.0+acme7"]}, Place())
    assert found is not None
    assert found.id == "acme"
    monkeypatch.setenv("HAC_PROFILE", str(file))
    assert find_named_profile() == found
    monkeypatch.delenv("HAC_PROFILE")
    (tmp_path / "hac.toml").write_text('profile = "config/hac-envtool/profiles/acme.toml"\n')
    assert find_named_profile(tmp_path) == found
    assert find_named_profile(tmp_path / "config") == found


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("schema = 1", "schema = 2"), "schema: 2 is not known"),
        (('title = "Acme\'s build"\n', ""), "title is missing"),
        (('name = "torch"', 'name = "torchvision"'), "pinned: none is called torch"),
        (("{public}\\+acme", "\\+acme"), "version[0].pattern: no part is called public"),
        (("(?P<release>", "(?P<relaese>"), "a part is called relaese"),
        (("[0-9]+)", "[0-9+)"), "it is not a regular expression"),
        (('label = "acme"', 'lable = "acme"'), "'lable' is not known"),
        (("[cure]", '[driver]\nparser = "acme-smi"\n[cure]'), "envtool has no parser 'acme-smi'"),
        (("[cure]", '[signs]\nfiles = ["opt/acme"]\n[cure]'), "signs.files: a path does not begin with /"),
        (("[cure]", '[intruders]\nprefixes = [""]\n[cure]'), "intruders.prefixes"),
        (('title = "Acme\'s build"', "title = 7"), "title: it is not a line of text"),
        (("[[version]]", "[version]"), "version: it is not a list of tables"),
    ],
)
def test_what_is_no_profile_says_why(change: tuple[str, str], why: str) -> None:
    assert change[0] in OWN
    with pytest.raises(SettingsError) as raised:
        parse_profile(OWN.replace(*change).encode(), Path("acme.toml"))
    assert why in raised.value.why
    assert "acme.toml" in raised.value.remedy


def test_a_profile_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(SettingsError) as raised:
        load_profile("ncg")
    assert "ngc" in raised.value.why


@pytest.mark.parametrize("profile", list_profiles(), ids=lambda profile: profile.id)
def test_the_patterns_of_our_own_profiles_are_such(profile: Profile) -> None:
    """They are compiled where they are asked, and not looked at before."""
    check_patterns(profile)
