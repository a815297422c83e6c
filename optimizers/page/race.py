"""A race to scrub through: the runs that `compare` shows, seed by seed."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizers.page.explorer import dash_of, picture_of
from optimizers.page.page import HEIGHT, Page
from optimizers.page.written import Unwritten, Written, about, written_function
from optimizers.plotting.convergence import Curves
from optimizers.plotting.frame import frame_of
from optimizers.plotting.style import looks, number

if TYPE_CHECKING:
    from optimizers.experiments.comparison import Comparison

ROOM = 600_000  # bytes for all runs: of more, some steps are left out
FIRST = 20  # steps that all are kept


def race_page(race: Comparison, height: int = HEIGHT) -> Page:
    """Make the page of a race; see `Comparison.page`."""
    some = next(iter(race.values()))
    problem, size = race.problem, some.theta.shape[-1]
    function = Written(about(problem) | {"start": [], "domain": []}, {})
    if size <= 2:
        frame = frame_of(problem, dict(race.once) or dict(race))
        try:
            function = written_function(replace(problem, domain=frame))
        except Unwritten as reason:
            print(f"race.page: {reason}. The page has no map.")
    show = ["map", "loss"] if function.code else ["loss"]
    seeds = race.race_seeds or ("none",)
    each = 4 * len(race) * len(seeds) * (1 + (size if "map" in show else 0))
    rows = _kept(some.step, ROOM // each)
    look = looks({label: path.rule for label, path in race.items()})
    rules = []
    for label in race.standing.medians:  # the best first
        path, lr = race[label], race.lr[label]
        theta = path.theta.reshape(len(path.theta), len(seeds), size)[rows]
        losses = race.losses[label].reshape(len(path.theta), len(seeds))[rows]
        told = {
            **{"label": label, "rule": path.rule, "python": "", "hyper": {}, "sliders": []},
            **{"etas": "", "given": True, "state": {}, "seen": {}, "panels": [], "lines": []},
            **{"curved": False, "color": look[label].color, "told": _rate(lr)},
            "dash": dash_of(look[label].line),
            "theta": _single(theta) if "map" in show else "",
            "losses": _single(losses),
            "diverged": np.atleast_1d(path.diverged),
        }
        rules.append(Written(told, {}))
    return Page(
        f"race on {problem.name}",
        [function],
        rules,
        chosen=list(race.standing.medians),
        steps=len(rows) - 1,
        still=partial(picture_of, race.plot),
        alt=f"{Curves(race, problem).finding()}: {', '.join(race)} on {problem.name}, the "
        f"{problem.noun} step by step, and after all steps against the learning rate.",
        show=show,
        panels=show,
        move=[],
        height=height,
        arrows=False,
        seeds=list(seeds),
        times=some.step[rows],
        note=f"{Curves(race, problem).finding()}. {_how(race)}",
    )


def _kept(steps: np.ndarray, most: int) -> np.ndarray:
    """The rows to keep: the first ones, and so many spread evenly over the others."""
    if len(steps) <= most:
        return np.arange(len(steps))
    first = min(FIRST, len(steps))
    others = np.linspace(first - 1, len(steps) - 1, max(most - first, 2)).round().astype(int)
    return np.unique(np.concatenate([np.arange(first), others]))


def _single(values: np.ndarray) -> str:
    """Floats of 32 bits: seven digits are more than a picture shows."""
    with np.errstate(over="ignore"):
        return base64.b64encode(values.astype("<f4").tobytes()).decode()


def _how(race: Comparison) -> str:
    """On which seeds it was tuned, and on which it is shown."""
    if race.race_seeds is None:
        return "A single run."
    others = f"{len(race.race_seeds)} seeds"
    if not race.tunings or race.seeds is None:
        return f"Shown on {others}."
    return f"Tuned on {len(race.seeds)} seeds, shown on {len(race.race_seeds)} others."


def _rate(lr: Any) -> str:
    return f"η = {number(float(lr))}" if isinstance(lr, (int, float)) else "η scheduled"
