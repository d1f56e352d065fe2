"""The version grammar, on every form that was seen."""

from __future__ import annotations

import pytest

from envtool.errors import VersionError
from envtool.release.version import VendorVersion, parse_any_vendor_version, parse_vendor_version, versions_equal

FORMS = [
    ("1.7.1+cu110.moreh22.8.0", "1.7.1", "cu110", "22.8.0"),
    ("1.7.1+cu110.moreh00.0.0", "1.7.1", "cu110", "0.0.0"),
    ("1.7.1+cu110.moreh22.12.0", "1.7.1", "cu110", "22.12.0"),
    ("1.10.0+cu111.moreh22.12.3", "1.10.0", "cu111", "22.12.3"),
    ("1.10.0+cpuonly.moreh0.2.0", "1.10.0", "cpuonly", "0.2.0"),
    ("1.13.1+cu116.moreh23.9.0", "1.13.1", "cu116", "23.9.0"),
    ("1.13.1+cu116.moreh24.9.211", "1.13.1", "cu116", "24.9.211"),
    ("2.1.0+moreh25.1.202", "2.1.0", None, "25.1.202"),
    ("2.1.0+moreh25.4.3016", "2.1.0", None, "25.4.3016"),
    ("2.9.0+moreh23.9.0", "2.9.0", None, "23.9.0"),
    ("2.13.0+cpu.moreh26.11.0", "2.13.0", "cpu", "26.11.0"),
    ("1.7.1+CU110-Moreh22_8_0", "1.7.1", "cu110", "22.8.0"),
]


@pytest.mark.parametrize(("text", "public", "compute", "release"), FORMS)
def test_forms(text: str, public: str, compute: str | None, release: str) -> None:
    version = VendorVersion.parse(text)
    assert (str(version.public), version.compute, str(version.release)) == (public, compute, release)
    assert version.is_ours


@pytest.mark.parametrize("text", ["2.1.0a0+32f93b1.nv24.01", "2.1.0+nv24.01", "2.4.0+acme7"])
def test_other_vendors_are_vendors_but_not_ours(text: str) -> None:
    version = parse_any_vendor_version(text)
    assert version is not None
    assert not version.is_ours
    assert parse_vendor_version(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "1.7.1",
        "1.7.1+cu110",
        "2.0.0+cpu",
        "2.1.0+rocm5.6",
        "2.3.0a0+git1234567",
        "2.3.0+deadbee1",
        "2.1.0+cxx11.abi",
        "x",
        "",
    ],
)
def test_upstream_is_no_vendor(text: str) -> None:
    assert parse_any_vendor_version(text) is None
    with pytest.raises(VersionError):
        VendorVersion.parse(text)


def test_releases_are_compared_as_numbers() -> None:
    older, newer = VendorVersion.parse("1.7.1+cu110.moreh9.1"), VendorVersion.parse("1.7.1+cu110.moreh22.8")
    assert newer.is_newer_than(older)
    assert not older.is_newer_than(newer)


def test_the_local_label_counts() -> None:
    assert not versions_equal("1.7.1", "1.7.1+cu110.moreh22.8.0")
    assert not versions_equal("1.7.1+cu110", "1.7.1+cu110.moreh22.8.0")
    assert versions_equal("1.7.1+cu110-moreh22.8.0", "1.7.1+cu110.moreh22.8.0")
