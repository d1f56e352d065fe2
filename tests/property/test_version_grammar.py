"""Any version of the grammar survives being taken apart; anything else is refused, never mistaken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from envtool.release.version import VendorVersion, parse_any_vendor_version, parse_vendor_version

number = st.integers(0, 99999).map(str)
dotted = st.lists(number, min_size=1, max_size=4).map(".".join)
compute = st.sampled_from(["cu110", "cu118", "cpuonly", "cpu", "rocm5.6", "xpu"])


@given(public=dotted, label=st.none() | compute, release=dotted)
def test_composed_versions_come_apart_again(public: str, label: str | None, release: str) -> None:
    text = f"{public}+{label + '.' if label else ''}moreh{release}"
    version = VendorVersion.parse(text)
    assert version.public == Version(public)
    assert version.compute == label
    assert Version(version.release) == Version(release)
    assert VendorVersion.parse(version.text) == version


@given(left=dotted, right=dotted)
def test_order_is_that_of_the_releases(left: str, right: str) -> None:
    one, other = (VendorVersion.parse(f"1.7.1+cu110.moreh{text}") for text in (left, right))
    assert one.is_newer_than(other) == (Version(left) > Version(right))
    assert not (one.is_newer_than(other) and other.is_newer_than(one))


@given(st.text(max_size=40))
def test_any_text_is_a_version_or_none(text: str) -> None:
    version = parse_any_vendor_version(text)
    assert version is None or Version(version.text).local is not None


@given(public=dotted, label=compute)
def test_upstream_labels_are_never_ours(public: str, label: str) -> None:
    assert parse_vendor_version(f"{public}+{label}") is None
