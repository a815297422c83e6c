"""The command line: race, suite, sweep, explore, claims, figures, functions, rules."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from optimizers import __version__, checks
from optimizers.checks import nearest
from optimizers.cli_grids import check_different, check_once, read_grids
from optimizers.experiments import MATRICES, Teacher, compare, suite, sweep, teacher
from optimizers.experiments.compare import BUDGETS
from optimizers.functions import FUNCTIONS, Function
from optimizers.hyper_parameters import defaults
from optimizers.optimizer import formula
from optimizers.problem import Problem, as_problem
from optimizers.rules import RACERS, RULES

PICTURES = (".png", ".svg", ".pdf")
EXPLORED = ("SGD", "Momentum", "Adam")
LONG = ("Newton",)  # on matrices: of hundreds of weights, a Hessian takes a moment each step
DPI = 110
MOST_STEPS = 10_000_000  # of more, a race takes days
NEGATIVE = re.compile(r"-(\d+\.|(\d+\.?\d*|\.\d+)[eE][-+]?\d+)")

EXAMPLES = """\
examples:
  python -m optimizers                           race four rules on Beale's function, write race.png
  python -m optimizers race --function rosenbrock --optimizers SGD Adam Lion --steps 500
  python -m optimizers race --start -1 2.5 --lr 0.01 --out my-race.png --animate race.gif
  python -m optimizers race --trials 60 --hypothesis "Adam wins" --report race.html
  python -m optimizers suite                     every rule on every function: places, wins, ties
  python -m optimizers suite --functions teacher linear_teacher --optimizers AdamW Muon SOAP
  python -m optimizers sweep AdamW lr=1e-3:1:40 weight_decay=1e-4:1:40
  python -m optimizers explore --function beale --out beale.html --open
  python -m optimizers claims --quick            what the article claims, measured
  python -m optimizers figures family            the pictures of the course
  python -m optimizers functions                 the test functions with their formulas
  python -m optimizers rules                     the update rules with their formulas
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    int
        The exit code: 0 when it worked, 1 when a file could not be written, 2 for arguments that
        make no sense, 130 when it was interrupted.
    """
    given = [_spelt_out(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "race")
    try:
        options = _parser(given[0]).parse_args(given)
        options.run(options)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    except (TypeError, ValueError) as error:
        print(f"optimizers: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"optimizers: cannot write: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("optimizers: interrupted", file=sys.stderr)
        return 130
    return 0


def _spelt_out(word: str) -> str:
    """A negative number as argparse knows it: it would take -1e-3 or -5. for an option."""
    return np.format_float_positional(float(word), trim="0") if NEGATIVE.fullmatch(word) else word


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optimizers",
        description="Learn how optimizers work: race them on test functions, tuned fairly.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"optimizers {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    def add(name: str, run: Callable[[Any], None], summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run)
        return sub

    race = add("race", _race, "tune all rules alike, race them, draw the race")
    _add_problem(race, "beale", 250)
    _add_rules(race, RACERS, " ".join(RACERS))
    _add_tuning(race)
    race.add_argument(
        "--hypothesis",
        metavar="TEXT",
        help="what you expect; the report shows it beside the result",
    )
    _add_out(race, "race.png")
    race.add_argument("--animate", type=_gif, metavar="FILE.gif", help="write an animation as well")
    race.add_argument(
        "--report",
        type=_page,
        metavar="FILE.html",
        help="write a report to keep: one file with everything in it",
    )

    many = add("suite", _suite, "race every rule on every function, draw places and profiles")
    many.add_argument(
        "--functions",
        nargs="+",
        type=_function,
        default=list(FUNCTIONS),
        metavar="NAME",
        help=f"the test functions (default: all), or {', '.join(MATRICES)}: problems with matrices",
    )
    many.add_argument("--steps", type=int, default=500, help="steps of each run (default: 500)")
    _add_rules(many, None, f"all; on matrices all but {', '.join(LONG)}")
    _add_tuning(many)
    _add_out(many, "suite.png")
    many.add_argument("--csv", type=_csv, metavar="FILE.csv", help="write the table as well")
    many.add_argument(
        "--store",
        type=_folder,
        metavar="FOLDER",
        help="keep finished work there; the same command resumes from it",
    )

    grid = add("sweep", _sweep, "run one rule over hyper-parameter grids, draw a curve or a map")
    grid.add_argument("rule", type=_rule, help="the rule")
    grid.add_argument(
        "grids",
        nargs="+",
        metavar="name=low:high:count",
        help="a grid (log-spaced when it spans a factor of 10 or more; whole numbers where the "
        "default is one), or name=a,b,c, or name=value",
    )
    _add_problem(grid, "rosenbrock", 500)
    _add_out(grid, "sweep.png")

    played = add("explore", _explore, "write a page on which every number can be dragged")
    _add_problem(played, "rosenbrock", 200)
    _add_rules(played, EXPLORED, " ".join(EXPLORED))
    played.add_argument(
        "--out",
        type=_page,
        default="explore.html",
        metavar="FILE.html",
        help="the page, a single self-contained file (default: explore.html)",
    )
    played.add_argument("--open", action="store_true", help="open it in the browser")

    claims = add("claims", _claims, "measure what the article and its papers claim, draw it")
    claims.add_argument(
        "labels", nargs="*", type=_claim, metavar="CLAIM", help="only these (default: all)"
    )
    claims.add_argument(
        "--quick", action="store_true", help="fewer seeds, coarser grids: minutes, not an hour"
    )
    claims.add_argument(
        "--out",
        type=_folder,
        default=Path("claims"),
        metavar="FOLDER",
        help="where the numbers (.json), the figures (.png) and a page with them (README.md) go "
        "(default: claims). What a stopped run has finished is kept there, and the same command "
        "resumes from it",
    )
    claims.add_argument(
        "--jobs", type=int, default=-1, metavar="N", help="processes (default: one per core)"
    )

    figures = add("figures", _figures, "draw the pictures of the README and the course")
    figures.add_argument(
        "names", nargs="*", type=_drawing, metavar="NAME", help="only these (default: all)"
    )
    figures.add_argument(
        "--out",
        type=_folder,
        default=Path("figures"),
        metavar="FOLDER",
        help="where they go (default: figures). Claims already measured in its folder claims "
        "are redrawn",
    )

    listed = add("functions", _functions, "list the test functions with their formulas")
    listed.add_argument("names", nargs="*", type=_function, metavar="NAME", help="only these")
    listed = add("rules", _rules, "list the update rules with their formulas")
    listed.add_argument("names", nargs="*", type=_rule, metavar="RULE", help="only these")
    if not command.startswith("-") and command not in commands.choices:
        parser.error(
            f"no command {command!r}; there are {', '.join(commands.choices)}."
            f"{nearest(command, commands.choices)}"
        )
    return parser


def _add_problem(parser: argparse.ArgumentParser, function: str, steps: int) -> None:
    parser.add_argument(
        "--function",
        type=_function,
        default=function,
        metavar="NAME",
        help=f"the test function (default: {function}), or one of {', '.join(MATRICES)}",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=steps,
        help=f"how many steps each run makes (default: {steps})",
    )
    parser.add_argument(
        "--start",
        nargs="+",
        type=float,
        metavar="X",
        help="the coordinates to start a test function from (default: its own)",
    )


def _add_rules(parser: argparse.ArgumentParser, rules: Sequence[str] | None, words: str) -> None:
    parser.add_argument(
        "--optimizers",
        nargs="+",
        type=_rule,
        default=None if rules is None else list(rules),
        metavar="RULE",
        help=f"the rules (default: {words})",
    )


def _add_tuning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lr",
        nargs="+",
        type=float,
        metavar="LR",
        help="one number: the learning rate of every rule, untuned; several: the grid to tune over "
        "(default: 60 values from 1e-5 to 10, and closer ones around the best)",
    )
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="tune over this many points of each rule's own space instead, lr included",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="tune on this many moved starts, show this many others (default: 32; on matrices 5 "
        "and 12 or more); 0: a single run",
    )
    parser.add_argument(
        "--budget",
        choices=BUDGETS,
        default=BUDGETS[0],
        help="what --steps counts: steps, or gradients of the loss (default: steps)",
    )


def _add_out(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--out",
        type=_picture,
        default=default,
        metavar="FILE",
        help=f"the figure: {', '.join(PICTURES)} (default: {default})",
    )


def _known(name: str, known: Sequence[str], what: str) -> str:
    by_folded = {k.lower().replace("-", "_"): k for k in known}
    folded = name.lower().replace("-", "_")
    if folded not in by_folded:
        raise argparse.ArgumentTypeError(
            f"no {what} {name!r}; there are {', '.join(known)}.{nearest(name, known)}"
        )
    return by_folded[folded]


def _rule(name: str) -> str:
    return _known(name, list(RULES), "rule")


def _claim(name: str) -> str:
    from optimizers.claims import CLAIMS

    return _known(name, list(CLAIMS), "claim")


def _drawing(name: str) -> str:
    from optimizers.gallery import GALLERY

    return _known(name, list(GALLERY), "picture")


def _function(name: str) -> str:
    return _known(name, list(_problems()), "function")


def _problems() -> dict[str, Function | Teacher]:
    """What can be named: the test functions, and the problems whose weights are matrices."""
    return {**FUNCTIONS, **MATRICES}


def _file(name: str, endings: Sequence[str]) -> Path:
    path = Path(name)
    if path.suffix.lower() not in endings:
        raise argparse.ArgumentTypeError(f"{name!r} must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r} for {name!r}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{name!r} is a folder")
    _try_to_write(path if path.exists() else path.parent)
    return path


def _picture(name: str) -> Path:
    return _file(name, PICTURES)


def _gif(name: str) -> Path:
    return _file(name, (".gif",))


def _page(name: str) -> Path:
    return _file(name, (".html",))


def _csv(name: str) -> Path:
    return _file(name, (".csv",))


def _folder(name: str) -> Path:
    """A folder that is there, or can be made."""
    path = Path(name)
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"{str(there)!r} is no folder")
    _try_to_write(there)
    return path


def _try_to_write(place: Path) -> None:
    """Open a file, or a nameless one in a folder, and leave it as it is."""
    try:
        with TemporaryFile(dir=place) if place.is_dir() else place.open("ab"):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{str(place)!r} cannot be written to: {error.strerror}"
        ) from error


# ------------------------------------------------------- what can be known before computing


def _problem(options: argparse.Namespace) -> Problem:
    """The function and the start, looked at before anything is computed."""
    _steps(options)
    if options.start is not None and options.function in MATRICES:
        raise ValueError(f"--start is for test functions; seeds draw that of {options.function}")
    problem = as_problem(_problems()[options.function], options.start)
    if not np.isfinite(loss := problem.values(problem.theta)):
        raise ValueError(f"{problem.name} at {_point(problem.theta)} is {loss}: start elsewhere")
    return problem


def _steps(options: argparse.Namespace) -> int:
    """How many, if they will come to an end."""
    if checks.whole("steps", options.steps, 1) > MOST_STEPS:
        raise ValueError(f"steps must be at most {MOST_STEPS:,}, got {options.steps}")
    steps: int = options.steps
    return steps


def _rates(values: Sequence[float] | None) -> Any:
    """One learning rate, a grid of them, or None for the usual one."""
    for value in values or ():
        checks.number("lr", value, checks.NOT_NEGATIVE)
    check_different("--lr", values or ())
    return values[0] if values and len(values) == 1 else values


# ---------------------------------------------------------------------------- the commands


def _race(options: argparse.Namespace) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    problem = _problem(options)
    check_once(options.optimizers)
    if options.animate and problem.theta.size > 2:
        raise ValueError(
            f"--animate shows one or two coordinates, and --start has {problem.theta.size}"
        )
    rules = [RULES[name] for name in options.optimizers]
    race = compare(rules, problem, hypothesis=options.hypothesis, **_tuning(options))
    print(race)
    from optimizers.gallery import said_of

    figure = np.ravel(race.plot(title=said_of(race)))[0].figure
    figure.savefig(options.out, dpi=DPI)
    print(f"\nfigure: {options.out}")
    if options.animate:
        from optimizers.plotting import save_gif

        save_gif(race.animate(), options.animate)
        print(f"animation: {options.animate}")
    if options.report:
        race.report(options.report)
        print(f"report: {options.report}")


def _suite(options: argparse.Namespace) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    check_once(options.optimizers or ())
    check_once(options.functions)
    problems = {_name(label): _problems()[label] for label in options.functions}
    rules = [RULES[name] for name in options.optimizers or _all_on(options.functions)]
    found = suite(rules, problems, store=options.store, **_tuning(options))
    print(found)
    np.ravel(found.plot())[0].figure.savefig(options.out, dpi=DPI)
    print(f"\nfigure: {options.out}")
    if options.csv:
        found.to_csv(options.csv)
        print(f"table: {options.csv}")


def _name(label: str) -> str:
    """What the tables and pictures of a suite call a problem: a teacher's own name is long."""
    return label if label in MATRICES else FUNCTIONS[label].name


def _all_on(problems: Sequence[str]) -> list[str]:
    """The rules that race when nobody is named."""
    left_out = LONG if {*problems} & {*MATRICES} else ()
    return [name for name in RULES if name not in left_out]


def _tuning(options: argparse.Namespace) -> dict[str, Any]:
    """What `compare` takes of the options."""
    seeds: Any = "auto" if options.seeds is None else checks.whole("--seeds", options.seeds, 0)
    return {
        "steps": _steps(options),
        "lr": _rates(options.lr),
        "trials": options.trials,
        "budget": options.budget,
        "seeds": seeds or None,
    }


def _sweep(options: argparse.Namespace) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    grids, problem = read_grids(options.rule, options.grids), _problem(options)
    result = sweep(RULES[options.rule], problem, steps=options.steps, **grids)
    best = ", ".join(f"{name} {_number(value)}" for name, value in result.best.items())
    print(
        f"{options.rule} on {problem.name}, {result.final_loss.size} runs of "
        f"{result.steps} steps\nbest: {best}\ndiverged: {result.diverged.mean():.0%}"
    )
    if result.at_edge:
        print(f"at the edge of its grid, a wider one may do better: {', '.join(result.at_edge)}")
    result.plot().figure.savefig(options.out, dpi=DPI)
    print(f"figure: {options.out}")


def _explore(options: argparse.Namespace) -> None:
    import webbrowser

    import matplotlib as mpl

    from optimizers.page import explore

    mpl.use("agg")
    problem = _problem(options)
    check_once(options.optimizers)
    rules = [RULES[name] for name in options.optimizers]
    explore(problem, rules, steps=options.steps).save(options.out)
    print(f"page: {options.out}, {options.out.stat().st_size / 1000:.0f} kB")
    if options.open and not webbrowser.open(options.out.absolute().as_uri()):
        print("no browser was found here to open it in")


def _claims(options: argparse.Namespace) -> None:
    import shutil

    import matplotlib as mpl

    from optimizers.claims import CLAIMS, Effort
    from optimizers.claims.report import write_report

    mpl.use("agg")
    check_once(options.labels)
    if options.jobs < -1 or options.jobs == 0:
        raise ValueError(
            f"--jobs must be a number of processes, or -1 for one per core, got {options.jobs}"
        )
    store = options.out / f".unfinished-{'quick' if options.quick else 'full'}"
    results = []
    for label in options.labels or CLAIMS:
        effort = Effort(options.quick, options.jobs, store / label)
        results.append(CLAIMS[label].run(effort))
        results[-1].save(options.out)
        print(results[-1], end="\n\n", flush=True)
    page = write_report(CLAIMS, options.out)
    for label in options.labels or CLAIMS:
        shutil.rmtree(store / label, ignore_errors=True)
    if store.exists() and not any(store.iterdir()):
        store.rmdir()
    print(f"{sum(result.seconds for result in results):.0f} s; all of it on one page: {page}")


def _figures(options: argparse.Namespace) -> None:
    import matplotlib as mpl

    from optimizers.claims import CLAIMS, Result
    from optimizers.gallery import GALLERY, write_picture

    mpl.use("agg")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or GALLERY:
        print(write_picture(name, options.out), flush=True)
    measured = options.out / "claims"
    for claim in () if options.names else CLAIMS.values():
        if (measured / f"{claim.name}.json").exists():
            print(Result.load(claim, measured).draw(measured), flush=True)


def _functions(options: argparse.Namespace) -> None:
    for label in options.names or _problems():
        problem = _problems()[label]
        if isinstance(problem, Teacher):
            shapes = ", ".join(
                f"{rows} × {columns}" for rows, columns in as_problem(problem).layout.shapes
            )
            print(f"{label} (matrices {shapes}), minimum 0")
            lines = _lines(teacher)
        else:
            print(f"{label} ({_dimension(problem)}), {_minimum(problem)}")
            lines = [problem.formula] if problem.formula else []
        for line in lines:
            print("    " + line)


def _dimension(function: Function) -> str:
    if function.any_dimension:
        return f"{function.smallest_dimension}-D and up"
    return "any dimension" if function.dimension is None else f"{function.dimension}-D"


def _minimum(function: Function) -> str:
    """What is known of it."""
    if function.minimum == -np.inf or (function.minima is not None and not len(function.minima)):
        return "unbounded below"
    if function.minimum is None and function.minima is None:
        return "minimum unknown"
    value = "" if function.minimum is None else f" {function.minimum:.6g}"
    places = () if function.minima is None else function.minima
    return f"minimum{value}" + (" at " + " and ".join(map(_point, places)) if len(places) else "")


def _rules(options: argparse.Namespace) -> None:
    for name in options.names or RULES:
        rule = RULES[name]
        values = ", ".join(
            f"{key}={getattr(value, '__name__', value)}" for key, value in defaults(rule).items()
        )
        summary = (rule.__doc__ or "").split("\n")[0]
        print(f"{name}({values})\n    {summary}")
        for line in _lines(rule):
            print("        " + line)


def _lines(thing: Any) -> list[str]:
    """The formula in a docstring."""
    return [
        line.replace("&", "").removesuffix(r"\\").strip() for line in formula(thing).splitlines()
    ]


def _point(place: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.6g}" for x in place) + ")"


def _number(value: float) -> str:
    return str(value) if isinstance(value, bool) else f"{value:.4g}"
