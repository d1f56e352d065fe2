"""The words of the default profile's service that no profile has a place for: its programs, and sentences with them.

This module and the profile `hac.toml` are where they are named; other modules take them from here.
"""

from __future__ import annotations

from envtool.language import tell

# envtool's own command under the name that the service's users know.
UPDATE_PROGRAM = "update-moreh"
SWITCH_PROGRAM = "moreh-switch-model"
RESET_JOBS = "moreh-smi --reset"
# It names the devices that a program may use.
DEVICE_VARIABLE = "MOREH_VISIBLE_DEVICE"
NO_DRIVER = tell("no moreh-smi and no ap-smi")
NO_DRIVER_HERE = tell("there is no moreh-smi and no ap-smi here, so nothing can reach the accelerator")
NO_DRIVER_ON_PATH = tell("there is no moreh-smi and no ap-smi on PATH")
DRIVER_MISSING_TITLE = "there is no moreh-smi"
SERVICE_UPDATE = tell("update-moreh --force   (on a machine of the service)")
LIST_RELEASES = tell("update-moreh --list   shows the releases that can be had")
NOTHING_TO_PUT_BACK = tell(
    "the vendor's wheels were removed from /opt/hac: update-moreh --force has nothing to put back"
)
# What `--driver` does, and what a command says of images that are made of stand-ins.
ASK_DRIVER = "Ask moreh-smi or ap-smi as well. Default: where there is one."
IMAGES_OF_STAND_INS = tell(
    "note: their torch, torchvision, torchaudio and moreh-smi are stand-ins; they compute nothing"
)
# What a program is told to use in place of others' ways to see and to hand on the accelerator.
QUERY = "moreh-smi (ap-smi in newer releases)"
CONTAINER_OPTIONS = "docker run -v /etc/moreh:/etc/moreh, without options for GPUs"
OWN_AMP = "torch.cuda.amp, or torch.moreh.apex.amp"
# How versions are called, for whoever names one that is not called so.
VERSION_FORM = tell("a vendor build is called <torch>+[<compute>.]<vendor><release>, such as 1.7.1+cu110.moreh22.8.0")
# The releases that a torch without its label stands for: what is resolved depends on the torch alone.
ASSUMED_LABELS = {"1.7.1": "+cu110.moreh22.8.0", "1.10.0": "+cu111.moreh22.12.3", "1.13.1": "+cu116.moreh23.9.0"}
NEWEST_LABEL = "+moreh25.4.3016"
# Where a machine of the service keeps its accelerator's token; a path in an image.
MACHINE_FOLDER = "etc/moreh"
# Names of images with one of these have the vendor's torch.
OWN_IMAGE_WORDS = ("moreh", "hac-")
# Programs that a vendor source may ship beside its wheels; a released image gets them from the machine.
SHIPPED_PROGRAMS = ("moreh-smi",)
# The parser of drivers' tables that profiles can name.
DRIVER_PARSER = "moreh-smi"
