"""Pages cut down to one idea, small enough to stand in a text: they head the lessons.

from optimizers.page.pictures import parabola

parabola()                        # in a notebook
parabola().save("parabola.html")
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import autograd.numpy as np

from optimizers.experiments import sweep
from optimizers.experiments.inputs import LEARNING_RATES
from optimizers.functions import quadratic, rosenbrock
from optimizers.page.explorer import explore, picture_of
from optimizers.page.page import Page
from optimizers.plotting import plot_series
from optimizers.plotting.layout import new_figure
from optimizers.rules import LAMB, SGD, AdaGrad, Adam, AdamW, Lion, Momentum, RMSProp
from optimizers.schedules import cosine

ALL = (
    *("two_hollows", "parabola", "oscillator", "turned_valley", "bias_correction"),
    *("decay", "layers", "bounce", "sixty_rates", "sign"),
)
CONDITION = 20.0  # of the valley: so many times as steep across as along
RACERS = [SGD, Momentum, AdaGrad, Adam]
COUNTS = (50, 80)  # of learning rates that they race over
LARGE, SMALL = 40.0, 0.5  # lengths of the two layers; both are to become twice as long


def two_hollows() -> Page:
    """One weight, two hollows: at a small rate the ball ends in the one whose side it started on.

    Drag the start, and the learning rate.

    Examples
    --------
    >>> two_hollows()
    <page: hills with SGD>
    """

    def hills(w: Any) -> Any:
        return 0.05 * (w[0] + 2) ** 2 * ((w[0] - 2) ** 2 + 1)

    page = explore(
        hills,
        {"SGD": partial(SGD, lr=0.2)},
        start=[2.6],
        domain=(-3.5, 3.5),
        steps=30,
        show=("map", "loss"),
        move=("lr", "start"),
        height=420,
    )
    _even(page, "lr", 0.0, 2.0)
    page.options |= {
        "note": "Drag the start. From which starts does the ball find the deeper hollow?"
    }
    page.alt = (
        "A curve with a shallow hollow on the right and a deeper one on the left. A ball starts "
        "high on the right, steps down, and comes to rest in the shallow hollow; beside it the "
        "loss, which stops falling at 0.75."
    )
    return _with_minimum(page, [-2.0])


def parabola() -> Page:
    """One weight on a parabola: what becomes of it hangs on the product η·h alone.

    Drag the learning rate η and the curvature h.

    Examples
    --------
    >>> parabola()
    <page: parabola with SGD>
    """

    def parabola(w: Any, curvature: Any) -> Any:
        return 0.5 * curvature * w[0] ** 2

    page = explore(
        parabola,
        {"SGD": partial(SGD, lr=0.3)},
        start=[-2.0],
        domain=(-3, 3),
        steps=20,
        vary={"curvature": (0.2, 3.0, 1.0)},
        show=("map", "loss"),
        move=("lr", "curvature", "start"),
        height=420,
    )
    page.functions[0].data["knobs"][0]["sign"] = "h"
    _even(page, "lr", 0.0, 2.5)
    page.options |= {
        "finding": "parabola",
        "note": "Drag η and h. What happens at η·h = 1, and what beyond 2?",
    }
    page.alt = (
        "A ball steps down a parabola from the left, each step shorter than the one before, and "
        "stops at the bottom; beside it the loss falls in a straight line on a log scale."
    )
    return _with_minimum(page, [0.0])


def oscillator() -> Page:
    """A heavy ball on a parabola: the plane of η and μ, and how the ball swings at a point of it.

    Drag the point on the plane, or either slider.

    Examples
    --------
    >>> oscillator()
    <page: oscillator with Momentum>
    """

    def oscillator(w: Any) -> Any:
        return 0.5 * w[0] ** 2

    page = explore(
        oscillator,
        {"Momentum": partial(Momentum, lr=0.2, momentum=0.8)},
        start=[-2.0],
        domain=(-3, 3),
        steps=60,
        show=("map", "plane", "loss"),
        move=("lr", "momentum", "start"),
        height=480,
    )
    _even(page, "lr", 0.0, 4.0)
    _even(page, "momentum", 0.0, 0.99)
    page.options |= {
        "finding": "oscillator",
        "plane": ["lr", "momentum"],
        "note": "Drag the point on the plane. Where is the ball quickest, and where does it swing?",
    }
    page.alt = (
        "A heavy ball on a parabola: it rolls through the bottom, swings from side to side, and "
        "settles there; beside it the loss falls in waves."
    )
    return _with_minimum(page, [0.0])


def turned_valley() -> Page:
    """A valley that is turned by hand, with the start: who minds?

    Gradient descent takes the same steps, turned. Rules that divide each coordinate by its own size
    do not.

    Examples
    --------
    >>> turned_valley()
    <page: valley with SGD, Momentum, RMSProp>
    """

    def valley(w: Any, angle: Any) -> Any:
        turn = angle * np.pi / 180
        along = np.cos(turn) * w[0] + np.sin(turn) * w[1]
        across = np.cos(turn) * w[1] - np.sin(turn) * w[0]
        return 0.5 * along**2 + 0.5 * CONDITION * across**2

    page = explore(
        valley,
        {
            "SGD": partial(SGD, lr=0.05),
            "Momentum": partial(Momentum, lr=0.02),
            "RMSProp": partial(RMSProp, lr=0.05),
        },
        start=[-2.0, 0.6],
        domain=[(-2.5, 2.5), (-2.5, 2.5)],
        steps=60,
        vary={"angle": (0, 90, 0)},
        show=("map", "loss"),
        move=("angle",),
        height=460,
    )
    page.options |= {
        "turns": "angle",
        "arrows": False,
        "finding": "turned",
        "note": "Turn the valley, and the start with it. Whose loss changes?",
    }
    page.alt = (
        "A long valley along the first axis, seen from above. SGD drops to its floor and creeps "
        "along it, Momentum swings from side to side, RMSProp comes straight to the minimum; "
        "beside it their losses, RMSProp's the lowest."
    )
    return _with_minimum(page, [0.0, 0.0])


def bias_correction() -> Page:
    """Adam's two means begin at zero: how far from the truth they are at first, and corrected.

    Drag β₁ and β₂.

    Examples
    --------
    >>> bias_correction()
    <page: bowl with Adam>
    """

    def bowl(w: Any) -> Any:
        return 0.5 * w[0] ** 2 + 2.0 * w[1] ** 2

    page = explore(
        bowl,
        {"Adam": partial(Adam, lr=0.1)},
        start=[-2.0, 1.0],
        domain=[(-2.5, 2.5), (-1.5, 1.5)],
        steps=60,
        show=("map", "state"),
        move=("beta1", "beta2"),
        height=440,
    )
    page.rules[0].data["panels"] = [["m", "m_hat"], ["v", "v_hat"]]
    page.options |= {
        "finding": "correction",
        "note": "Step through it, and drag β₁ and β₂: how long is each mean too small?",
    }
    page.draw = partial(picture_of, partial(_means, bowl))
    page.alt = (
        "Two panels over the first 60 steps of Adam. The mean m begins at zero, its corrected self "
        "m hat at the gradient, and they meet after some thirty steps; v, which remembers longer, "
        "is far below v hat all the time."
    )
    return _with_minimum(page, [0.0, 0.0])


def _means(loss: Any) -> Any:
    """Adam's means of one weight, as they are and corrected."""
    path = Adam(loss, [-2.0, 1.0], lr=0.1).minimize(60, watch=("m", "v", "m_hat", "v_hat"))
    axes = new_figure((13.0, 4.6), 1, 2)
    for ax, name, what in zip(axes, "mv", ("gradient", "squared gradient"), strict=True):
        means = {name: path[name][:, 0], f"{name}\u0302": path[f"{name}_hat"][:, 0]}
        title = f"{name} begins at zero, {name}\u0302 at the {what}"
        plot_series(path.step, means, ax, title=title, ylabel=f"mean {what}, θ₁", rule="Adam")
    return axes


def decay() -> Page:
    """Two weights that decay pulls to the origin, away from the minimum of the loss.

    No weight can stay farther out than 1/λ. With β₂ = 0.999 AdamW would creep there for thousands
    of steps, because v remembers the steep start; β₂ is 0.9 here.

    Drag λ, the weight decay.

    Examples
    --------
    >>> decay()
    <page: loss with Adam, AdamW>
    """

    def loss(w: Any) -> Any:
        return 0.5 * (w[0] - 2.0) ** 2 + 2.0 * (w[1] - 1.0) ** 2

    page = explore(
        loss,
        {
            "Adam": partial(Adam, lr=0.05, beta2=0.9),
            "AdamW": partial(AdamW, lr=0.05, beta2=0.9, weight_decay=1.0),
        },
        start=[-1.0, 2.0],
        domain=[(-1.5, 3), (-0.75, 2.5)],
        steps=300,
        show=("map", "loss"),
        move=("weight_decay", "start"),
        height=440,
    )
    _even(page, "weight_decay", 0.0, 3.0)
    page.options |= {
        "origin": True,
        "arrows": False,
        "finding": "decay",
        "note": "Drag λ. Where does each weight of AdamW stop?",
    }
    page.alt = (
        "Two weights in an oval bowl, seen from above. Adam ends at the lowest point; AdamW, whose "
        "weights decay, stops at the same height but halfway to the origin; beside it the losses."
    )
    return _with_minimum(page, [2.0, 1.0])


def layers() -> Page:
    """Two layers of unlike size, a weight each: Adam moves both by one length, LAMB by one share.

    Drag the learning rates. At first the trust ratio is the length of a layer, because Adam's first
    step has length 1.

    Examples
    --------
    >>> layers()
    <page: layers with LAMB, Adam>
    """

    def layers(w: Any) -> Any:
        large, small = w["large"][0] / LARGE, w["small"][0] / SMALL
        return 0.5 * (large - 2.0) ** 2 + 0.5 * (small - 2.0) ** 2

    page = explore(
        layers,
        {"LAMB": partial(LAMB, lr=0.05, weight_decay=0.0), "Adam": partial(Adam, lr=0.1)},
        start={"large": [LARGE], "small": [SMALL]},
        domain=[(0, 3 * LARGE), (0, 3 * SMALL)],
        steps=14,
        show=("map", "state"),
        move=("lr", "start"),
        height=440,
    )
    page.rules[0].data["panels"] = ["trust_ratio"]
    page.options |= {
        "arrows": False,
        "finding": "layers",
        "note": "Drag Adam's η. Is there one that suits both layers?",
    }
    page.alt = (
        "A map of two weights, one of 40 and one of 0.5, each to be doubled. LAMB goes straight to "
        "the minimum; Adam doubles the small weight and hardly moves the large one."
    )
    return _with_minimum(page, [2 * LARGE, 2 * SMALL])


def bounce() -> Page:
    """A valley in the shape of a V: at most constant rates the ball never comes to rest.

    Drag the constant learning rate, or the start.

    Examples
    --------
    >>> bounce()
    <page: valley with constant, cosine>
    """

    def valley(w: Any) -> Any:
        return np.abs(w[0])

    steps, lr = 40, 0.3
    page = explore(
        valley,
        {"constant": partial(SGD, lr=lr), "cosine": partial(SGD, lr=cosine(lr, steps))},
        start=[-2.0],
        domain=(-2.5, 2.5),
        steps=steps,
        show=("map", "loss"),
        move=("lr", "start"),
        height=420,
    )
    page.options |= {"note": "Drag the constant η. Is there one at which the ball comes to rest?"}
    page.alt = (
        "Two balls go down one side of a V. The one with a constant rate jumps from side to side "
        "of the bottom; the one whose rate falls along a cosine ends at it; beside it the losses."
    )
    return _with_minimum(page, [0.0])


def sign() -> Page:
    """Adam and Lion in one bowl: a step of Lion has always the same length.

    Drag the learning rates.

    Examples
    --------
    >>> sign()
    <page: Quadratic with Adam, Lion>
    """
    page = explore(
        quadratic(10),
        {"Adam": partial(Adam, lr=0.1), "Lion": partial(Lion, lr=0.1)},
        steps=200,
        show=("map", "loss"),
        move=("lr",),
        height=440,
    )
    page.options |= {"arrows": False, "note": "Which of the two comes to rest? Drag Lion's η."}
    page.alt = (
        "An oval bowl seen from above. Adam curves into the minimum; Lion comes down a diagonal, "
        "runs past, comes back in zigzags and circles the minimum; beside it the losses, Adam's "
        "far lower."
    )
    return page


def sixty_rates() -> Page:
    """A race over 60 learning rates, or over 61: another rule wins.

    Drag the number of rates that every rule is tuned over, or the start.

    Examples
    --------
    >>> sixty_rates()
    <page: Rosenbrock with SGD, Momentum, AdaGrad, Adam>
    """
    page = explore(
        rosenbrock,
        RACERS,
        steps=500,
        show=("map", "rate"),
        move=("start",),
        height=500,
    )
    low, high = COUNTS
    page.options |= {
        "arrows": False,
        "finding": "luck",
        "rates": {
            **{"name": "rates", "sign": "rates", "words": "how many learning rates each has"},
            **{"kind": "whole", "low": low, "high": high, "value": 60},
        },
        "note": "Each rule has the best of this many rates. Drag how many: which rule wins?",
    }
    page.draw = partial(picture_of, _luck)
    page.alt = (
        "The loss of four rules on Rosenbrock's function, each at the best of so many learning "
        "rates, for every number of rates from 50 to 80. The curves leap up and down by powers of "
        "ten and cross each other: with 60 rates Adam is lowest, with 61 Momentum."
    )
    return page


def _luck() -> Any:
    """What the best of so many rates reaches, for every number of rates."""
    counts = np.arange(COUNTS[0], COUNTS[1] + 1)
    low, high = LEARNING_RATES[[0, -1]]
    found = {
        rule.__name__: [
            sweep(rule, rosenbrock, steps=500, lr=np.geomspace(low, high, n)).best["loss"]
            for n in counts
        ]
        for rule in RACERS
    }
    return plot_series(
        counts,
        found,
        title="Who wins depends on how many rates there are",
        xlabel="learning rates that every rule has to choose from",
        ylabel="loss after 500 steps",
        log=True,
    )


def _even(page: Page, name: str, low: float, high: float) -> None:
    """Let a slider go evenly from one value to another."""
    for rule in page.rules:
        for slider in rule.data["sliders"]:
            if slider["name"] == name:
                slider |= {"kind": "linear", "low": low, "high": high}


def _with_minimum(page: Page, at: Sequence[float]) -> Page:
    """Say where the loss is lowest, and that it is 0 there."""
    page.functions[0].data.update(minima=[list(at)], minimum=0.0)
    return page
