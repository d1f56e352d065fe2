"""A stand-in for a cluster's API server: it lists the kinds that there are, which is all that a dry run asks of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.http_server import Handler, serve

# Group and version, then each resource with its kind, and whether it is in a namespace.
_RESOURCES = {
    "v1": [
        ("namespaces", "Namespace", False),
        ("configmaps", "ConfigMap", True),
        ("persistentvolumeclaims", "PersistentVolumeClaim", True),
    ],
    "apps/v1": [("daemonsets", "DaemonSet", True)],
    "batch/v1": [("jobs", "Job", True)],
    "admissionregistration.k8s.io/v1": [
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", False),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", False),
    ],
}


@contextmanager
def kubernetes_api(folder: Path) -> Iterator[Path]:
    """Serve it; gives a kubeconfig that leads there."""
    with serve(_ApiHandler) as port:
        configuration = folder / "kubeconfig"
        configuration.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                    "users": [{"name": "x", "user": {}}],
                    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                    "current-context": "x",
                }
            )
        )
        yield configuration


class _ApiHandler(Handler):
    def answer(self) -> None:
        document = _find_document(self.path.partition("?")[0])
        body = json.dumps(document or {"kind": "Status", "apiVersion": "v1", "code": 404}).encode()
        self.send(200 if document else 404, body, {"Content-Type": "application/json"})


def _find_document(path: str) -> dict[str, Any] | None:
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [version.split("/") for version in _RESOURCES if "/" in version]
        rows = [{"groupVersion": f"{group}/{version}", "version": version} for group, version in groups]
        named = [
            {"name": group, "versions": [row], "preferredVersion": row}
            for (group, _version), row in zip(groups, rows, strict=True)
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in _RESOURCES:
        return None
    resources = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["create", "get"]}
        for name, kind, namespaced in _RESOURCES[version]
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
