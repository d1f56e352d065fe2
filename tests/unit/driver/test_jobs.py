"""What holds the accelerator: real processes, and tables of stand-ins that list them."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from envtool.cli.application import app
from envtool.driver.container import has_own_process_numbers
from envtool.driver.inspect_jobs import JobsReport, JobsRequest, inspect_jobs
from envtool.driver.jobs import AcceleratorJob, JobState, assess_jobs, choose_ending
from envtool.driver.processes import Machine, MachineProcess, match_command, read_machine
from envtool.driver.table import parse_table
from envtool.driver.waiting import UnlistedProcess, find_unlisted
from envtool.errors import DriverError
from tests.support.driver_programs import DriverPrograms, Training, has_ended, training, wait_for
from tests.support.driver_tables import FORMS, TOKEN, Accelerator, RunningJob

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/jobs.schema.json").read_text())
FORM = FORMS["24.5"]
DEVICE = Accelerator(0, "Small.64GB", "397 MiB", "0 %")
WAITS = (
    "[info] Requesting resources for KT AI Accelerator from the server...\n"
    "[warning] KT AI Accelerator is already in use by another process:\n"
    "[warning]   (pid: {pid}) python train.py\n"
    "[warning] Two or more processes cannot use KT AI Accelerator at the same time. "
    "The program will resume automatically after the process {pid} terminates...\n"
)


@pytest.fixture(autouse=True)
def only_own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others run on this machine, such as another test, may wait for an accelerator as well."""

    def find(machine: Machine, listed: frozenset[int]) -> tuple[UnlistedProcess, ...]:
        own = machine.descendants(os.getpid())
        return tuple(item for item in find_unlisted(machine, listed) if item.pid in own)

    monkeypatch.setattr("envtool.driver.inspect_jobs.find_unlisted", find)


def look() -> JobsReport:
    return inspect_jobs(JobsRequest(time_limit=120))


def look_until(state: JobState) -> JobsReport:
    """The report once its first job is in a state."""
    reports = []

    def is_so() -> bool:
        reports.append(look())
        return reports[-1].jobs[0].state is state

    wait_for(is_so)
    return reports[-1]


def show(programs: DriverPrograms, *jobs: RunningJob) -> None:
    programs.show(FORM.render([DEVICE], jobs))


def run_ending(report: JobsReport) -> None:
    """Do what is advised, as a person would."""
    assert report.ending is not None
    subprocess.run(report.ending.command, shell=True, check=True, capture_output=True)


def describe(job: AcceleratorJob) -> tuple[JobState, str, int | None, str]:
    return job.state, job.id, job.pid, job.flavor


def test_a_job_that_works(programs: DriverPrograms, tmp_path: Path) -> None:
    with training(tmp_path, workers=1) as started:
        show(programs, RunningJob(0, "976356", started.pid, started.command))
        report = look()
    (job,) = report.jobs
    assert describe(job) == (JobState.WORKING, "976356", started.pid, "Small.64GB")
    assert job.process is not None
    assert job.process.user == pwd.getpwuid(os.getuid()).pw_name
    assert str(tmp_path / "train.py") in job.command
    assert abs(job.process.since - time.time()) < 86400
    assert (report.ending, report.idle_jobs) == (None, ())


@pytest.mark.parametrize("form", FORMS)
def test_every_published_form(programs: DriverPrograms, tmp_path: Path, form: str) -> None:
    with training(tmp_path) as started:
        devices = [Accelerator(number, f"flavour-{number}") for number in range(5)]
        programs.show(FORMS[form].render(devices, [RunningJob(3, "7", started.pid, started.command)], active=3))
        report = look()
    assert [describe(job) for job in report.jobs] == [(JobState.WORKING, "7", started.pid, "flavour-3")]
    assert report.release == FORMS[form].release


def test_a_stopped_job_holds_it_and_can_be_ended(programs: DriverPrograms, tmp_path: Path) -> None:
    with training(tmp_path) as started:
        show(programs, RunningJob(0, "1", started.pid, started.command))
        os.kill(started.pid, signal.SIGSTOP)
        report = look_until(JobState.STOPPED)
        assert report.ending is not None
        assert report.ending.pid == started.pid
        run_ending(report)
        wait_for(lambda: has_ended(started.pid))


@pytest.mark.parametrize("below_shell", [False, True], ids=["group", "command"])
@pytest.mark.parametrize("count", [1, 3])
def test_workers_that_are_left_are_named_and_ended(
    programs: DriverPrograms, tmp_path: Path, below_shell: bool, count: int
) -> None:
    """With a shell in between the group is the shell's, and what the workers are shows by their command line."""
    with training(tmp_path, workers=count, below_shell=below_shell) as started:
        # `python` alone is every program's: then only the group tells.
        show(programs, RunningJob(0, "1", started.pid, started.command if below_shell else "python"))
        assert look().jobs[0].state is JobState.WORKING
        os.kill(started.pid, signal.SIGKILL)
        wait_for(lambda: has_ended(started.process.pid))
        started.process.wait()
        report = look_until(JobState.WORKERS_LEFT)
        assert {worker.pid for worker in report.jobs[0].workers} == set(started.workers)
        assert report.ending is not None
        assert report.ending.pid in started.workers
        run_ending(report)
        for worker in started.workers:
            wait_for(lambda worker=worker: has_ended(worker))  # type: ignore[misc]
        assert look_until(JobState.GONE).ending is not None


def test_another_training_of_the_same_script_is_not_what_is_left(programs: DriverPrograms, tmp_path: Path) -> None:
    with training(tmp_path, workers=1) as gone, training(tmp_path, name="other.py") as other:
        jobs = [RunningJob(0, "1", gone.pid, gone.command), RunningJob(1, "2", other.pid, other.command)]
        programs.show(FORM.render([DEVICE, Accelerator(1, "Large.256GB")], jobs))
        for pid in (gone.pid, *gone.workers):
            os.kill(pid, signal.SIGKILL)
        gone.process.wait()
        report = look_until(JobState.GONE)
        assert [job.state for job in report.jobs] == [JobState.GONE, JobState.WORKING]


def test_a_job_whose_process_is_gone(programs: DriverPrograms) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    show(programs, RunningJob(0, "1", process.pid, "python train.py"))
    report = look_until(JobState.GONE)
    assert report.ending is not None
    assert (report.ending.pid, report.ending.command) == (None, "moreh-smi --reset")


def test_the_reset_is_of_the_device_that_the_job_holds() -> None:
    """Else it would end what works on the active one."""
    table = parse_table(FORM.render([DEVICE, Accelerator(3, "Large.256GB")], [RunningJob(3, "1", 99)], active=0))
    assert table is not None
    jobs = assess_jobs(table, Machine(processes={}))
    ending = choose_ending(jobs, table, "moreh-smi", 0)
    assert ending is not None
    assert ending.command == "moreh-smi device --switch 3 && moreh-smi --reset && moreh-smi device --switch 0"


def test_a_number_that_another_program_has_now(programs: DriverPrograms) -> None:
    process = subprocess.Popen(["sleep", "600"])
    try:
        show(programs, RunningJob(0, "1", process.pid, "python train.py"))
        assert look_until(JobState.GONE).jobs[0].workers == ()
    finally:
        process.kill()
        process.wait()


def test_a_program_that_says_it_waits(programs: DriverPrograms, tmp_path: Path) -> None:
    log = tmp_path / "second.log"
    with training(tmp_path) as first, log.open("w") as printed:
        printed.write(WAITS.format(pid=first.pid))
        printed.flush()
        second = subprocess.Popen(["sleep", "600"], stdout=printed)
        try:
            show(programs, RunningJob(0, "1", first.pid, first.command))
            report = look()
            assert [job.state for job in report.jobs] == [JobState.WORKING, JobState.WAITING]
            assert (report.jobs[1].pid, report.jobs[1].waits_for) == (second.pid, first.pid)
            assert report.ending is not None
            assert report.ending.pid == second.pid
            # It goes on.
            printed.write("[info] KT AI Accelerator is ready to use.\n")
            printed.flush()
            assert [job.state for job in look().jobs] == [JobState.WORKING]
        finally:
            second.kill()
            second.wait()


def test_two_programs_that_are_listed_for_one_accelerator(programs: DriverPrograms, tmp_path: Path) -> None:
    with training(tmp_path) as first, training(tmp_path, name="infer.py") as second:
        jobs = [RunningJob(0, "2", second.pid, second.command, "-"), RunningJob(0, "1", first.pid, first.command)]
        show(programs, *jobs)
        report = look()
    assert [job.state for job in report.jobs] == [JobState.WAITING, JobState.WORKING]
    assert report.jobs[0].waits_for == first.pid


def test_a_worker_that_is_listed_as_well_does_not_wait(programs: DriverPrograms, tmp_path: Path) -> None:
    with training(tmp_path, workers=1) as started:
        jobs = [RunningJob(0, f"{pid}", pid, started.command) for pid in (started.pid, *started.workers)]
        show(programs, *jobs)
        assert [job.state for job in look().jobs] == [JobState.WORKING, JobState.WORKING]


def _with_torch(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A program that has a file of torch mapped, as one that has imported it, and says when."""
    library = tmp_path / "site-packages/torch/lib/libtorch_stand_in.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"\0" * 4096)
    code = "import mmap, sys, time; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)\n"
    code += "print(m[0], flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, str(library)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_program_with_torch_that_calls_itself_something_else(programs: DriverPrograms, tmp_path: Path) -> None:
    process = _with_torch(tmp_path)
    try:
        show(programs, RunningJob(0, "1", process.pid, "ray::train"))
        assert look().jobs[0].state is JobState.WORKING
    finally:
        process.kill()
        process.communicate()


def test_a_program_that_only_has_torch_loaded_is_not_accused(programs: DriverPrograms, tmp_path: Path) -> None:
    process = _with_torch(tmp_path)
    try:
        with training(tmp_path) as first:
            show(programs, RunningJob(0, "1", first.pid, first.command))
            report = look()
            assert [(job.state, job.pid) for job in report.jobs if job.pid in {first.pid, process.pid}] == [
                (JobState.WORKING, first.pid),
                (JobState.UNKNOWN, process.pid),
            ]
            assert report.ending is None
    finally:
        process.kill()
        process.communicate()


def _process(pid: int, **changes: object) -> MachineProcess:
    base = MachineProcess(
        pid=pid, parent=1, group=pid, session=pid, state="S", uid=os.getuid(), words=("python", "a.py"), since=0.0
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def _assess(machine: Machine, *jobs: RunningJob) -> list[JobState]:
    table = parse_table(FORM.render([DEVICE], jobs))
    assert table is not None
    return [job.state for job in assess_jobs(table, machine)]


def test_in_a_container_what_is_not_seen_is_unknown() -> None:
    job = RunningJob(0, "1", 17, "python a.py")
    assert _assess(Machine(processes={}, has_own_numbers=True), job) == [JobState.UNKNOWN]
    assert _assess(Machine(processes={}), job) == [JobState.GONE]
    assert _assess(Machine(processes={17: _process(17)}, has_own_numbers=True), job) == [JobState.WORKING]
    assert _assess(Machine(processes={17: _process(17, words=("bash",))}, has_own_numbers=True), job) == [
        JobState.UNKNOWN
    ]


def test_a_process_inside_a_container_has_its_number_there() -> None:
    kernel = _process(17, words=("kworker/0:1",))
    inside = _process(40017, numbers=(40017, 17))
    assert _assess(Machine(processes={17: kernel, 40017: inside}), RunningJob(0, "1", 17, "python a.py")) == [
        JobState.WORKING
    ]


def test_a_process_that_has_ended_and_is_not_waited_for() -> None:
    machine = Machine(processes={17: _process(17, state="Z"), 18: _process(18, group=17)})
    assert _assess(machine, RunningJob(0, "1", 17, "python a.py")) == [JobState.WORKERS_LEFT]


def test_what_has_lost_its_parent_to_another_than_the_first_process() -> None:
    """As where a session's own manager takes such processes over: they are of another session than it is."""
    manager = _process(50, words=("some-manager",))
    worker = _process(18, parent=50, group=12, session=11)
    machine = Machine(processes={50: manager, 18: worker})
    assert _assess(machine, RunningJob(0, "1", 17, "python a.py")) == [JobState.WORKERS_LEFT]
    own_child = _process(18, parent=50, group=12, session=50)
    machine = Machine(processes={50: manager, 18: own_child})
    assert _assess(machine, RunningJob(0, "1", 17, "python a.py")) == [JobState.GONE]


def test_a_spawned_worker_without_its_main_process() -> None:
    words = ("python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()", "--multiprocessing-fork")
    machine = Machine(processes={18: _process(18, words=words)})
    assert _assess(machine, RunningJob(0, "1", 18, "python")) == [JobState.WORKERS_LEFT]


def test_somebody_elses_process_takes_sudo() -> None:
    table = parse_table(FORM.render([DEVICE], [RunningJob(0, "1", 18, "python a.py")]))
    assert table is not None
    machine = Machine(processes={18: _process(18, state="T", uid=4321)})
    jobs = assess_jobs(table, machine)
    commands = [choose_ending(jobs, table, "moreh-smi", user) for user in (4321, 0, 1234)]
    assert [item and item.command for item in commands] == [
        "kill 18; kill -CONT 18",
        "kill 18; kill -CONT 18",
        "sudo kill 18; sudo kill -CONT 18",
    ]


@pytest.mark.parametrize(
    ("listed", "words", "is_same"),
    [
        ("python", ("/opt/conda/envs/pytorch/bin/python", "train.py"), True),
        ("python train.py", ("/opt/conda/envs/pytorch/bin/python3.8", "train.py", "-b", "64"), True),
        ("python tutorial/train_g…", ("python", "tutorial/train_gpt.py"), True),
        ("python3 train.py", ("python", "train.py"), True),
        ("/usr/bin/python train.py", ("python", "train.py"), True),
        ("-", ("python",), False),
        ("", ("python",), True),
        ("python train.py", ("python", "infer.py"), False),
        ("python train.py", ("bash", "-l"), False),
        ("python -c 'a b'", ("python", "-c", "a b"), True),
        ("torchserve", ("python", "x.py"), False),
    ],
)
def test_what_the_driver_calls_a_process(listed: str, words: tuple[str, ...], is_same: bool) -> None:
    assert match_command(_process(1, words=words), listed) is is_same


def test_this_process_is_read_as_the_kernel_has_it() -> None:
    machine = read_machine()
    own = machine.processes[os.getpid()]
    assert (own.parent, own.group, own.session) == (os.getppid(), os.getpgrp(), os.getsid(0))
    assert (own.uid, own.is_stopped, own.has_ended) == (os.geteuid(), False, False)
    assert own.pid in machine.descendants(own.parent)
    assert own.parent in machine.ancestors(own.pid)


@pytest.mark.parametrize(
    ("link", "has_mark", "expected"),
    [("pid:[4026531836]", True, False), ("pid:[4026532501]", False, True), (None, True, True), (None, False, False)],
    ids=["the machine's", "a container's", "only a mark", "nothing"],
)
def test_whether_numbers_are_the_machines(tmp_path: Path, link: str | None, has_mark: bool, expected: bool) -> None:
    (tmp_path / "self/ns").mkdir(parents=True)
    if link is not None:
        (tmp_path / "self/ns/pid").symlink_to(link)
    mark = tmp_path / "mark"
    if has_mark:
        mark.touch()
    assert has_own_process_numbers(tmp_path, (mark,)) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\necho 'no answer from the server' >&2; exit 3\n", "exit status 3: no answer"),
        ("#!/bin/sh\necho nothing\n", "no table"),
        ("#!/bin/sh\nexec yes\n", "prints without end"),
    ],
    ids=["fails", "no table", "endless"],
)
def test_a_program_that_does_not_tell(programs: DriverPrograms, text: str, why: str) -> None:
    programs.install("moreh-smi", text)
    with pytest.raises(DriverError, match=why):
        look()


def test_no_program_at_all(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="no ap-smi"):
        inspect_jobs(JobsRequest(variables={"PATH": str(tmp_path)}))


@pytest.fixture
def stopped(programs: DriverPrograms, tmp_path: Path) -> object:
    """A job that was stopped, listed by a release that shows the token."""
    with training(tmp_path) as started:
        os.kill(started.pid, signal.SIGSTOP)
        programs.show(FORMS["22.8"].render([DEVICE], [RunningJob(0, "976356", started.pid, started.command)]))
        look_until(JobState.STOPPED)
        yield started


def test_it_is_printed_for_a_person(stopped: Training) -> None:
    result = CliRunner().invoke(app, ["jobs"])
    assert result.exit_code == 1
    rows = [line.split() for line in result.output.splitlines()]
    assert ["*", "0", *["KT", "AI", "Accelerator", "Small.64GB", "397", "MiB", "of", "65520", "MiB", "-"]] in rows
    assert any("976356" in row and "stopped" in row and str(stopped.pid) in row for row in rows)
    assert f"kill {stopped.pid}" in result.output
    assert TOKEN not in result.output


def test_json_follows_its_published_schema(stopped: Training) -> None:
    result = CliRunner().invoke(app, ["jobs", "--format", "json"])
    document = json.loads(result.output)
    jsonschema.validate(document, SCHEMA)
    assert result.exit_code == 1
    assert (document["status"], document["jobs"][0]["state"], document["ending"]["pid"]) == (
        "idle-jobs",
        "stopped",
        stopped.pid,
    )
    assert TOKEN not in result.output


def test_prometheus_reads_the_metrics(stopped: Training, tmp_path: Path) -> None:
    file = tmp_path / "jobs.prom"
    CliRunner().invoke(app, ["jobs", "--format", "prometheus", "--output", str(file)])
    families = {family.name: family.samples for family in text_string_to_metric_families(file.read_text())}
    assert [sample.value for sample in families["hac_accelerator_held"]] == [1.0]
    (job,) = families["hac_accelerator_job"]
    assert (job.labels["state"], job.labels["pid"]) == ("stopped", str(stopped.pid))
    assert TOKEN not in file.read_text()


def test_a_token_in_a_command_line_is_masked(programs: DriverPrograms, tmp_path: Path) -> None:
    command = ["sh", "-c", f"export MOREH_SDA_TOKEN={TOKEN}; sleep 600; true"]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        show(programs, RunningJob(0, "1", process.pid, "sh"))
        for format in ("text", "json", "prometheus"):
            assert TOKEN not in CliRunner().invoke(app, ["jobs", "--format", format]).output
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
