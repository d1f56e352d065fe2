"""Documents of doctor, verify and jobs as machines of a fleet would hand them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TORCH = "1.7.1+cu110.moreh22.8.0"


def doctor_document(
    host: str, time: str, *, status: str = "healthy", culprit: str = "", torch: str = TORCH
) -> dict[str, Any]:
    """What doctor says of /opt/conda on a machine; `culprit` pulled another torch in."""
    finding = {
        "id": "torch-replaced",
        "severity": "error",
        "title": f"torch {torch} is not the vendor's build: the accelerator is lost",
        "evidence": [],
        "cause": f"pip installed it because {culprit} 1.0 requires torch>=2" if culprit else None,
        "remedy": "envtool restore",
        "distribution": "torch",
        "packages": [],
        "culprits": [culprit] if culprit else [],
    }
    return {
        "schema": "hac-envtool/doctor/1",
        "status": status,
        "host": host,
        "time": time,
        "environment": {
            "prefix": "/opt/conda",
            "location": "machine",
            "reference": None,
            "kind": "conda",
            "python": "3.8",
            "site_packages": "/opt/conda/lib/python3.8/site-packages",
            "torch": torch,
            "pin": None,
        },
        "accelerator": "",
        "history": [],
        "findings": [] if status == "healthy" else [finding],
        "ignored": [],
    }


def verify_document(*images: dict[str, Any]) -> dict[str, Any]:
    """What verify says of images."""
    return {"schema": "hac-envtool/verify/1", "status": "failed", "images": list(images)}


def image_row(reference: str, digest: str | None, time: str, *, failed: tuple[str, ...] = ()) -> dict[str, Any]:
    """One image of it; `failed` are checks that did not pass."""
    names = ("labels", "torch", "doctor", "guard", "secrets", "caches")
    return {
        "reference": reference,
        "status": "failed" if failed else "passed",
        "error": None,
        "time": time,
        "digest": digest,
        "torch": TORCH,
        "culprits": [],
        "checks": [
            {"name": name, "title": f"{name} is right", "passed": name not in failed, "output": f"bad {name}"}
            for name in names
        ],
    }


def jobs_document(host: str, time: str, *states: str) -> dict[str, Any]:
    """What jobs says of a machine whose jobs are in these states."""
    rows = [
        {"device": "0", "flavor": "Small.64GB", "job": str(n), "pid": n, "state": state, "command": f"python t{n}.py"}
        for n, state in enumerate(states)
    ]
    return {
        "schema": "hac-envtool/jobs/1",
        "status": "idle-jobs" if set(states) - {"working"} else "free",
        "host": host,
        "time": time,
        "program": "moreh-smi",
        "release": "22.8.0",
        "stand_in": True,
        "own_process_numbers": False,
        "devices": [],
        "jobs": [
            {**row, "user": None, "since": None, "memory": None, "workers": [], "waits_for": None} for row in rows
        ],
        "ending": None,
    }


def write_document(path: Path, document: object) -> Path:
    """Write it, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path
