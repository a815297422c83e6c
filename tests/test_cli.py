"""The command line: what it prints, writes and refuses."""

import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import autograd.numpy as np
import pytest

from optimizers import cli
from optimizers.cli import main
from optimizers.cli_grids import read_grids
from optimizers.functions import FUNCTIONS, Function, describe
from optimizers.optimizer import formula
from optimizers.rules import RULES


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_arguments_it_races_and_says_where_the_figure_is(capsys, folder):
    assert main([]) == 0
    out = capsys.readouterr().out
    for rule in cli.RACERS:
        assert re.search(rf"^\d(–\d)? +{rule} ", out, re.MULTILINE)
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


def test_a_race_is_tuned_and_counted_as_asked_and_reported(capsys, folder):
    given = "race --optimizers SGD Newton --steps 12 --trials 5 --seeds 8 --budget gradients"
    more = ["--hypothesis", "SGD is lowest", "--report", "kept.html"]
    assert main([*given.split(), *more]) == 0
    out = capsys.readouterr().out
    assert "12 gradients. Each rule tuned over 5 points of its own space." in out
    assert "tuned for the median over 8, shown on 8 others" in out
    assert "report: kept.html" in out
    assert "SGD is lowest" in (folder / "kept.html").read_text("utf8")
    assert main("race --optimizers SGD --steps 5 --seeds 0".split()) == 0
    assert "A single run, tuned on itself" in capsys.readouterr().out


def test_suite_prints_the_table_and_draws_and_goes_on(capsys, folder):
    given = "suite --functions booth beale --optimizers SGD Adam --steps 20 --csv all.csv"
    assert main([*given.split(), "--store", "kept"]) == 0
    out = capsys.readouterr().out
    assert "2 problems, 20 steps each" in out
    for words in ("wins", "shared", "who leads", "Booth", "Beale", "figure: suite.png"):
        assert words in out
    assert (folder / "suite.png").read_bytes().startswith(b"\x89PNG")
    assert len((folder / "all.csv").read_text("utf8").splitlines()) == 5
    assert main([*given.split(), "--store", "kept"]) == 0
    assert capsys.readouterr().out == out


def test_problems_with_matrices_are_named_as_functions_are(capsys, folder):
    given = "--steps 5 --lr 0.01 --optimizers SGD Muon".split()
    assert main(["suite", "--functions", "booth", "linear-teacher", "teacher", *given]) == 0
    out = capsys.readouterr().out
    assert "Only linear_teacher, teacher have matrices; elsewhere Muon steps like AdamW with" in out
    assert main(["race", "--function", "linear_teacher", *given]) == 0
    assert "teacher 8-4, condition 100, 5 steps." in capsys.readouterr().out
    assert main("sweep Muon lr=0.01,0.1 --function teacher --steps 5".split()) == 0
    assert "Muon on teacher 8-8-4, condition 100, 2 runs" in capsys.readouterr().out


def test_a_suite_with_matrices_races_all_rules_but_those_that_take_long(monkeypatch, folder):
    asked = []

    def noted(rules, problems, **how):
        asked.append(([rule.__name__ for rule in rules], list(problems), how["seeds"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "suite", noted)
    assert main("suite --functions booth teacher".split()) == 130
    assert main("suite --functions booth --seeds 4".split()) == 130
    mixed, plain = asked
    assert mixed == ([n for n in RULES if n != "Newton"], ["Booth", "teacher"], "auto")
    assert plain == (list(RULES), ["Booth"], 4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("race --function teacher --start 1 2", "--start is for test functions"),
        ("explore --function teacher", "explore draws losses of one or two weights"),
        ("race --trials 0", "trials must be"),
        ("race --seeds -1", "--seeds must be"),
        ("race --trials 5 --lr 0.1 0.2", "give lr, to tune over it, or trials"),
        ("race --budget euros", "invalid choice: 'euros'"),
        ("race --report kept.txt", "must end in .html"),
        ("suite --functions booth booth", "booth is named twice"),
        ("suite --functions both", "Did you mean 'booth'"),
        ("suite --csv kept.txt", "must end in .csv"),
        ("suite --steps 0", "steps must be"),
    ],
)
def test_a_race_or_a_suite_that_makes_no_sense_is_refused_in_a_line(given, words, capsys, folder):
    assert main(given.split()) == 2
    assert words in capsys.readouterr().err
    assert not list(folder.iterdir())


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


def test_explore_writes_one_page_with_what_was_asked_for_and_says_how_large(capsys, folder):
    given = "explore --function beale --optimizers Adam sgd --start -1 2.5 --steps 77"
    assert main([*given.split(), "--out", "mine.html"]) == 0
    (file,) = folder.iterdir()
    kilobytes = round(file.stat().st_size / 1000)
    assert capsys.readouterr().out == f"page: mine.html, {kilobytes} kB\n"
    page = file.read_text("utf8")
    assert '"chosen": ["Adam", "SGD"], "steps": 77' in page
    assert '"start": [-1.0, 2.5]' in page
    assert "<title>Beale</title>" in page


def test_explore_opens_its_page_in_the_browser_if_there_is_one(capsys, folder, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)))
    assert main(["explore", "--optimizers", "SGD"]) == 0
    assert opened == []
    assert main(["explore", "--optimizers", "SGD", "--open"]) == 0
    assert opened == [(folder / "explore.html").as_uri()]
    assert "no browser was found" in capsys.readouterr().out


def test_functions_and_rules_are_listed_with_their_formulas(capsys, folder):
    assert main(["functions"]) == 0
    out = capsys.readouterr().out
    for label, function in FUNCTIONS.items():
        assert label in out
        assert function.formula in out
    assert "teacher (matrices 8 × 8, 8 × 4), minimum 0" in out
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
    ("rule", "text", "values"),
    [
        ("Lookahead", "k=2:10:3", [2, 6, 10]),
        ("Lookahead", "k=1:100:3", [1, 10, 100]),  # in ratios
        ("Lookahead", "k=1:10:10", [*range(1, 11)]),  # ratios would make fractions of them
        ("Lookahead", "k=2,5,10", [2, 5, 10]),
        ("Lookahead", "k=2.0,5e0", [2, 5]),
        ("Muon", "ns_steps=1:5:5", [1, 2, 3, 4, 5]),
        ("Muon", "ns_steps=5:1:3", [5, 3, 1]),
    ],
)
def test_a_grid_is_of_whole_numbers_where_the_default_is_one(rule, text, values):
    (found,) = read_grids(rule, [text]).values()
    assert found == values
    assert all(type(value) is int for value in found)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr=1e-2:1:3", [0.01, 0.1, 1.0]),
        ("lr=1:1e-2:3", [1.0, 0.1, 0.01]),
        ("lr=1:3:3", [1.0, 2.0, 3.0]),
        ("weight_decay=0:10:3", [0.0, 5.0, 10.0]),
        ("beta1=0,0.5", [0.0, 0.5]),
    ],
)
def test_a_grid_is_spaced_in_ratios_where_its_ends_lie_far_apart(text, values):
    (found,) = read_grids("AdamW", [text]).values()
    assert found == pytest.approx(values)
    assert all(type(value) is float for value in found)


def test_sweep_runs_over_whole_numbers(capsys):
    assert main("sweep Lookahead k=2:10:3 lr=0.1 --steps 20".split()) == 0
    assert "3 runs of 20 steps\nbest: k " in capsys.readouterr().out
    assert main("sweep Momentum nesterov=False,True lr=1e-3 --steps 20".split()) == 0
    assert "best: nesterov True" in capsys.readouterr().out


def test_negative_coordinates_may_have_exponents(capsys):
    assert main("race --start -1.5e0 -2. --optimizers SGD --lr 1e-3 --steps 3".split()) == 0
    assert "Beale from (-1.5, -2), 3 steps" in capsys.readouterr().out


def test_of_a_minimum_that_nobody_knows_nothing_is_claimed(capsys, monkeypatch):
    def wave(x):
        return np.sum(np.sin(x), axis=-1)

    made = [
        describe("Wave", start=[1.0, 1.0])(wave),
        describe("Wave", minimum=-1.0, start=[1.0])(wave),
        describe("Wave", r"\sin x", minima=[[-1.0]])(wave),
        Function(wave, "Wave", "wave", minima=[[2.0]]),
        describe("Wave", minima=[], start=[1.0])(wave),
        describe("Wave")(wave),
        describe("Wave", from_dimension=3)(wave),
    ]
    monkeypatch.setattr(cli, "FUNCTIONS", {f"wave{i}": wave for i, wave in enumerate(made)})
    assert main(["functions", *cli.FUNCTIONS]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wave0 (2-D), minimum unknown",
        "wave1 (1-D), minimum -1",
        "wave2 (1-D), minimum -0.841471 at (-1)",
        r"    \sin x",
        "wave3 (1-D), minimum at (2)",
        "wave4 (1-D), unbounded below",
        "wave5 (any dimension), minimum unknown",
        "wave6 (3-D and up), minimum unknown",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("figures famly", "Did you mean 'family'"),
        ("rce", "Did you mean 'race'"),
        ("race --function rosenbrok", "Did you mean 'rosenbrock'"),
        ("race --optimizers Adm", "Did you mean 'Adam'"),
        ("race --optimizers Adam SGD adam", "Adam is named twice"),
        ("race --steps -3", "steps must be a whole number >= 1, got -3"),
        ("race --steps many", "invalid int value: 'many'"),
        ("race --steps 99999999999999", "steps must be at most 10,000,000"),
        ("suite --steps 99999999999999", "steps must be at most 10,000,000"),
        ("race --function rosenbrock --start 1", "Rosenbrock, got shape (1,)"),
        ("race --start nan 1", "start must be finite, got [nan, 1.0]"),
        ("race --function booth --start 1e200 1", "Booth at (1e+200, 1) is inf: start elsewhere"),
        (
            "race --function rosenbrock --start 1 2 3 --animate a.gif",
            "--animate shows one or two coordinates, and --sta",
        ),
        ("race --function beale --start 1 2 3", "Beale, got shape (3,)"),
        ("race --lr -1", "lr must be a finite number >= 0, got -1"),
        ("race --lr 0.1 -1e-3", "lr must be a finite number >= 0, got -0.001"),
        ("race --lr nan", "lr must be a finite number >= 0, got nan"),
        ("race --lr 0.1 0.2 0.1", "--lr lists a value twice"),
        ("race --out race.txt", "must end in .png or .svg or .pdf"),
        ("race --out nowhere/race.png", "there is no folder 'nowhere'"),
        ("race --animate race.mp4", "must end in .gif"),
        ("--bogus", "unrecognized arguments: --bogus"),
        ("sweep Adm lr=1e-3:1:3", "Did you mean 'Adam'"),
        ("sweep Adam lr=0.1,1 --steps 0", "steps must be a whole number >= 1, got 0"),
        ("sweep Adam lr=0.1,1 --start 1", "Rosenbrock, got shape (1,)"),
        ("sweep Adam lr=0.1,1 --out nowhere/map.png", "there is no folder 'nowhere'"),
        ("explore --out page.png", "must end in .html"),
        ("explore --out nowhere/page.html", "there is no folder 'nowhere'"),
        ("explore --steps 1001", "steps must be at most 1000 in explore, got 1001"),
        ("explore --optimizers Adam adam", "Adam is named twice"),
        ("explore --optimizers Adm", "Did you mean 'Adam'"),
        ("explore --function rosenbrock --start 1 2 3", "one or two weights"),
        ("claims --jobs 0", "--jobs must be a number of processes, or -1 for one per core, got 0"),
        ("claims lion Lion", "lion is named twice"),
        ("claims nothing", "no claim 'nothing'"),
    ],
)
def test_a_mistake_is_answered_in_a_line_with_exit_code_2(arguments, words, capsys, nothing_runs):
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert words in captured.err.splitlines()[-1]
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("Adam lr", "'lr' must look like lr=1e-3:1:40, k=2,5,10 or lr=0.1"),
        ("Adam lr=", "must look like lr=1e-3:1:40"),
        ("Adam lr=0.1,", "must look like lr=1e-3:1:40"),
        ("Adam lr=0.1:1", "must look like lr=1e-3:1:40"),
        ("Adam lr=0.1:1,2", "must look like lr=1e-3:1:40"),
        ("Adam lr=1:2:1", "'lr=1:2:1' must have two values or more, got 1"),
        ("Adam lr=1:2:2.5", "must have two values or more, got 2.5"),
        ("Adam lr=2:2:3", "'lr=2:2:3' has one value only: low and high must differ"),
        ("Adam lr=0.1,1,0.1", "'lr=0.1,1,0.1' lists a value twice"),
        ("Adam lr=0.1", "sweep needs a grid, such as lr=1e-3:1:40"),
        ("Adam lr=0.1:1:3 beta1=0:0.9:3 beta2=0:0.9:3", "draws one grid or two"),
        ("Adam lr=0:1:1000000000", "has too many values; at most 1,000,000 are allowed"),
        ("Adam lr=0:1:2000 beta1=0:0.9:2000", "4,000,000 runs are too many; at most 1,000,000 are"),
        ("Adam lr=-1:1:3", "lr must be a finite number >= 0, got -1.0"),
        ("Adam lr=0.1,inf", "lr must be a finite number >= 0, got inf"),
        ("Adam lr=1e400:1:3", "lr must be a finite number >= 0, got inf"),
        ("Adam lr=0.1,1 beta1=1", "beta1 must be a number in [0, 1), got 1.0"),
        ("Adam rl=1e-3:1:3", "Did you mean 'lr'"),
        ("Adam lr=0.1,1 bta1=0.3", "Adam has no hyper-parameter 'bta1'; it has lr, beta1, beta2, "),
        ("Adam lr=0.1,1 lr=0.2,2", "lr is named twice"),
        ("Adam steps=1,2", "steps is an option: --steps 100"),
        ("Adam start=1,2", "start is an option: --start -1 2.5"),
        ("Adam function=beale", "function is an option: --function beale"),
        ("Adam out=map.png", "out is an option: --out map.png"),
        ("Adam seeds=1,2", "set it in Python: sweep(Adam, rosenbrock, seeds=…)"),
        ("Adam every=5", "set it in Python: sweep(Adam, rosenbrock, every=…)"),
        ("Adam rule=SGD", "Adam has no hyper-parameter 'rule'"),
        ("Momentum nesterov=0,1", "nesterov must be True or False, got 0.0"),
        ("Momentum nesterov=yes,no", "must look like nesterov=False,True or nesterov=True"),
        ("Momentum nesterov=False:True:2", "must look like nesterov=False,True"),
        ("Lookahead k=2:10:4", "'k=2:10:4' makes 2, 4.67, 7.33, …, and k must be whole: list its"),
        ("Lookahead k=2.5:10:4", "k must be a whole number >= 1, got 2.5"),
        ("Lookahead k=5,2.5", "k must be a whole number >= 1, got 2.5"),
        ("Lookahead k=5,0", "k must be a whole number >= 1, got 0"),
        ("Lookahead beta1=0.1,0.2", "beta1 is one of Adam, the inner rule; set it in Python"),
        ("Lookahead bta1=0.1,0.2", "Lookahead has no hyper-parameter 'bta1'"),
        ("Lookahead inner=SGD lr=0.1,1", "not numbers are set in Python: sweep(Lookahead, rosenbr"),
        ("LAMB phi=0.1,10", "phi must be None, a function of the norm, or two bounds"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_in_one_line(arguments, words, capsys, nothing_runs):
    assert main(["sweep", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.startswith("optimizers: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_every_option_of_sweep_is_called_one_where_it_is_written_as_a_grid(capsys, nothing_runs):
    assert main(["sweep", "--help"]) == 0
    options = {line.split()[0] for line in capsys.readouterr().out.splitlines() if "  --" in line}
    assert "--steps" in options
    for option in options - {"--help"}:
        assert main(["sweep", "Adam", f"{option[2:]}=1,2"]) == 2
        assert f"{option[2:]} is an option: {option} " in capsys.readouterr().err


@pytest.fixture
def nothing_runs(monkeypatch, folder):
    """Whatever is wrong is said before anything is computed, and nothing is written."""

    def run(*arguments, **keywords):
        raise AssertionError("something is computed")

    for name in ("compare", "sweep"):
        monkeypatch.setattr(cli, name, run)
    yield
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "command", ["race --out", "race --animate", "sweep Adam lr=0.1,1 --out", "explore --out"]
)
def test_where_nothing_can_be_written_nothing_is_computed(command, capsys, folder, monkeypatch):
    monkeypatch.setattr(cli, "compare", None)
    (folder / "taken.gif").mkdir()
    (folder / "taken.png").mkdir()
    (folder / "taken.html").mkdir()
    ending = "gif" if "animate" in command else "html" if "explore" in command else "png"
    assert main([*command.split(), f"taken.{ending}"]) == 2
    assert f"'taken.{ending}' is a folder" in capsys.readouterr().err
    if Path("/proc").is_dir():  # nobody can write there, not even root
        assert main([*command.split(), f"/proc/race.{ending}"]) == 2
        assert "'/proc' cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["claims", "figures"])
def test_a_folder_that_cannot_be_made_is_said_at_once(command, capsys, folder):
    (folder / "file").write_text("a")
    for out in ("file", "file/below/it"):
        assert main([command, "--out", out]) == 2
        assert "file' is no folder" in capsys.readouterr().err
    assert (folder / "file").read_text() == "a"


def test_a_file_is_kept_until_its_figure_is_there(folder, capsys):
    (folder / "race.png").write_bytes(b"of yesterday")
    assert main("race --optimizers SGD --start 1 2 3 --animate race.gif".split()) == 2
    assert [file.name for file in folder.iterdir()] == ["race.png"]
    assert (folder / "race.png").read_bytes() == b"of yesterday"


def test_a_figure_that_cannot_be_written_is_exit_code_1(capsys, monkeypatch):
    from matplotlib.figure import Figure

    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    assert main("race --optimizers SGD --steps 3".split()) == 1
    assert "cannot write: [Errno 28] No space left" in capsys.readouterr().err


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
    assert "python -m optimizers race --function rosenbrock" in out


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
