"""The command line: what it prints, writes and refuses."""

import subprocess
import sys

import pytest

from optimizers import cli
from optimizers.cli import main
from optimizers.functions import FUNCTIONS
from optimizers.optimizer import formula
from optimizers.rules import RULES


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_arguments_it_races_the_eight_and_says_where_the_figure_is(capsys, folder):
    assert main(["--steps", "30"]) == 0
    out = capsys.readouterr().out
    for rule in cli.RACERS:
        assert f"\n{rule} " in out
    assert "figure: race.png" in out
    assert [p.name for p in folder.iterdir()] == ["race.png"]
    assert (folder / "race.png").read_bytes().startswith(b"\x89PNG")


def test_race_takes_everything_it_names(capsys, folder):
    given = "race --function beale --optimizers sgd Adam --steps 20 --start -1 2.5 --lr 0.001"
    assert main([*given.split(), "--out", "mine.svg", "--animate", "mine.gif"]) == 0
    out = capsys.readouterr().out
    assert "Beale from (-1, 2.5), 20 steps" in out
    assert "not tuned" in out
    assert sorted(p.name for p in folder.iterdir()) == ["mine.gif", "mine.svg"]


def test_several_learning_rates_are_a_grid(capsys):
    assert main("race --optimizers SGD --steps 5 --lr 1e-4 1e-3".split()) == 0
    assert "over the same 2 learning rates" in capsys.readouterr().out


def test_sweep_prints_the_best_and_draws(capsys, folder):
    assert main("sweep AdamW lr=1e-3:1:5 weight_decay=1e-4:1:4 beta1=0.8 --steps 20".split()) == 0
    out = capsys.readouterr().out
    assert "20 runs of 20 steps" in out
    assert "best: lr " in out
    assert (folder / "sweep.png").exists()


def test_sweep_takes_lists_of_whole_numbers_and_switches(capsys):
    assert main("sweep Lookahead k=2,5 lr=1e-3:1e-1:3 --steps 5".split()) == 0
    assert main("sweep Momentum nesterov=False,True lr=1e-4,1e-3 --steps 5".split()) == 0
    assert "4 runs of 5 steps" in capsys.readouterr().out


def test_functions_and_rules_are_listed_with_their_formulas(capsys, folder):
    assert main(["functions"]) == 0
    out = capsys.readouterr().out
    for label, function in FUNCTIONS.items():
        assert label in out
        assert function.formula in out
    assert main(["rules"]) == 0
    out = capsys.readouterr().out
    for name, rule in RULES.items():
        assert f"{name}(lr=" in out
        assert formula(rule).splitlines()[-1].replace("&", "").strip() in out
    assert main(["rules", "Adam"]) == 0
    assert "SGD" not in capsys.readouterr().out
    assert not list(folder.iterdir())  # nothing is written where it isn't said


def test_figures_draws_what_is_named(capsys, folder):
    assert main("figures family inner_state --out drawn".split()) == 0
    assert sorted(p.name for p in (folder / "drawn").iterdir()) == ["family.png", "inner-state.png"]
    assert "inner-state.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("figures famly", "Did you mean 'family'"),
        ("rce", "Did you mean 'race'"),
        ("race --function rosenbrok", "Did you mean 'rosenbrock'"),
        ("race --optimizers Adm", "Did you mean 'Adam'"),
        ("sweep Adm lr=1e-3:1:3", "Did you mean 'Adam'"),
        ("sweep Adam lr", "must look like lr=1e-3:1:40"),
        ("sweep Adam lr=1:2:1", "must look like lr=1e-3:1:40"),
        ("sweep Adam rl=1e-3:1:3", "Did you mean 'lr'"),
        ("sweep Adam lr=0.1", "sweep needs a grid"),
        ("sweep Adam lr=0.1:1:3 beta1=0:0.9:3 beta2=0:0.9:3", "draws one grid or two"),
        ("race --steps -3", "steps must be a whole number >= 1, got -3"),
        ("race --steps many", "invalid int value: 'many'"),
        ("race --start 1", "Rosenbrock, got shape (1,)"),
        ("race --lr -1", "lr must be a finite number >= 0, got -1"),
        ("race --out race.txt", "must end in .png or .svg or .pdf"),
        ("race --out nowhere/race.png", "there is no folder 'nowhere'"),
        ("race --animate race.mp4", "must end in .gif"),
        ("--bogus", "unrecognized arguments: --bogus"),
    ],
)
def test_a_mistake_is_answered_in_a_line_with_exit_code_2(arguments, words, capsys, folder):
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert not list(folder.iterdir())


def test_a_figure_that_cannot_be_written_is_exit_code_1(capsys, folder):
    (folder / "taken.png").mkdir()
    assert main("race --optimizers SGD --steps 3 --out taken.png".split()) == 1
    assert "cannot write" in capsys.readouterr().err


def test_an_interrupt_is_exit_code_130(capsys, monkeypatch):
    def interrupted(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "compare", interrupted)
    assert main(["race"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_help_shows_examples(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert "python -m optimizers race --function beale" in out


def test_it_runs_as_a_module():
    run = subprocess.run(
        [sys.executable, "-m", "optimizers", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("optimizers ")


def test_importing_the_library_imports_neither_matplotlib_nor_tqdm():
    code = (
        "import sys, optimizers; print(sorted({'matplotlib', 'tqdm', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
