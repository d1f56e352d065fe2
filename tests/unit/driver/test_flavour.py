"""`envtool flavour` against a stand-in for moreh-switch-model, which asks for numbers as that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from envtool.cli.application import app
from envtool.driver.flavour import FlavourRequest, parse_menu, select_flavour
from envtool.errors import DriverError
from tests.support.driver_programs import DriverPrograms, training
from tests.support.driver_tables import FORMS, TOKEN, Accelerator, RunningJob

NAMES = ("Small.64GB", "Medium.128GB", "Large.256GB", "xLarge.512GB", "1.5xLarge.768GB", "2xLarge.1024GB")
FORM = FORMS["22.10"]


def follow(programs: DriverPrograms, *jobs: RunningJob) -> None:
    """Have the driver show the flavour that is set."""
    programs.show(FORM.render([Accelerator(0, "FLAVOUR"), Accelerator(1, "Large.256GB")], jobs))
    table, state = programs.folder / "table", programs.folder / "flavour"
    programs.install(
        "moreh-smi", f"#!/bin/sh\n# A stand-in for moreh-smi.\nsed \"s/FLAVOUR/$(cat '{state}')/\" '{table}'\n"
    )


def set_flavour(programs: DriverPrograms) -> str:
    return (programs.folder / "flavour").read_text()


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1], (*NAMES[2:], *NAMES[:2])], ids=["usual", "reversed", "other"])
@pytest.mark.parametrize("wanted", ["xLarge.512GB", "1.5xLarge.768GB", "small.64gb"])
def test_by_name_whatever_its_number(programs: DriverPrograms, names: tuple[str, ...], wanted: str) -> None:
    programs.offer(*names, current="2xLarge.1024GB")
    follow(programs)
    result = select_flavour(FlavourRequest(name=wanted))
    assert set_flavour(programs).lower() == wanted.lower()
    assert (result.current, result.previous, result.is_verified) == (
        set_flavour(programs),
        "2xLarge.1024GB",
        True,
    )


def test_they_are_listed_and_nothing_changes(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    result = CliRunner().invoke(app, ["flavour"])
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()] == [
        ["*", name] if name == "Large.256GB" else [name] for name in NAMES
    ]
    assert set_flavour(programs) == "Large.256GB"


def test_the_one_that_is_set_is_left(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB", instead="raise SystemExit(9)")
    follow(programs)
    assert select_flavour(FlavourRequest(name="Large.256GB")).is_verified


def test_groups_have_blanks_in_their_names(programs: DriverPrograms) -> None:
    programs.offer("micro at mg0", "small at mg1", current="micro at mg0")
    follow(programs)
    assert select_flavour(FlavourRequest(name="small at mg1")).current == "small at mg1"


def test_a_name_that_is_not_offered(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    follow(programs)
    with pytest.raises(DriverError, match=r"offers: Small\.64GB, Medium"):
        select_flavour(FlavourRequest(name="Huge"))
    assert set_flavour(programs) == "Large.256GB"


def test_a_job_that_holds_it_is_named(programs: DriverPrograms, tmp_path: Path) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    with training(tmp_path) as started:
        follow(programs, RunningJob(0, "976356", started.pid, started.command))
        result = CliRunner().invoke(app, ["flavour", "Small.64GB"])
    assert isinstance(result.exception, DriverError)
    assert f"job 976356, process {started.pid} (working)" in str(result.exception)
    assert set_flavour(programs) == "Large.256GB"


def test_a_job_of_another_accelerator_does_not_keep_this_one(programs: DriverPrograms, tmp_path: Path) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    with training(tmp_path) as started:
        follow(programs, RunningJob(1, "976356", started.pid, started.command))
        assert select_flavour(FlavourRequest(name="Small.64GB")).is_verified


def test_its_own_refusal_is_passed_on(programs: DriverPrograms) -> None:
    refusal = "The model cannot be switched while the KT AI Accelerator is in use."
    programs.offer(*NAMES, current="Large.256GB", instead=f"print({refusal!r}); continue")
    follow(programs)
    with pytest.raises(DriverError, match="while the KT AI Accelerator is in use"):
        select_flavour(FlavourRequest(name="Small.64GB"))


def test_it_ends_before_it_asks(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB", before=f"print('SDA token is not given. {TOKEN}'); sys.exit(1)")
    with pytest.raises(DriverError, match="SDA token is not given") as caught:
        select_flavour(FlavourRequest(name="Small.64GB"))
    assert TOKEN not in str(caught.value)


def test_a_word_that_the_driver_does_not_confirm(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    programs.show(FORM.render([Accelerator(0, "Large.256GB")]))
    with pytest.raises(DriverError, match=r"still shows Large\.256GB"):
        select_flavour(FlavourRequest(name="Small.64GB"))


def test_without_a_driver_it_is_the_programs_word_alone(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    variables = {"PATH": str(programs.folder), "LANG": "C.UTF-8"}
    result = select_flavour(FlavourRequest(name="Small.64GB", variables=variables))
    assert (result.current, result.is_verified) == ("Small.64GB", False)


def test_it_does_not_answer(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB", before="import time; time.sleep(600)")
    with pytest.raises(DriverError, match="does not answer"):
        select_flavour(FlavourRequest(time_limit=1))


def test_a_driver_that_does_not_tell_keeps_it_from_being_changed(programs: DriverPrograms) -> None:
    programs.offer(*NAMES, current="Large.256GB")
    programs.install("moreh-smi", "#!/bin/sh\nexit 3\n")
    with pytest.raises(DriverError, match="exit status 3"):
        select_flavour(FlavourRequest(name="Small.64GB"))
    assert set_flavour(programs) == "Large.256GB"


def test_no_program_at_all(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="no moreh-switch-model"):
        select_flavour(FlavourRequest(variables={"PATH": str(tmp_path)}))


def test_the_last_list_counts() -> None:
    text = "Current KT AI Accelerator: A\n\n1. A  *\n2. B\n\nswitched\n\n1. A \n2. B *\n\nSelection (1-2, q, Q): "
    menu = parse_menu(text)
    assert (dict(menu.numbers), menu.current) == ({"A": "1", "B": "2"}, "B")
