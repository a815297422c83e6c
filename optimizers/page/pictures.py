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

from optimizers.page.explorer import explore
from optimizers.page.page import Page
from optimizers.rules import SGD, Adam, AdamW, Momentum, RMSProp

ALL = ("parabola", "oscillator", "turned_valley", "bias_correction", "decay")
CONDITION = 20.0  # of the valley: so many times as steep across as along


def parabola() -> Page:
    """One weight on a parabola: what becomes of it hangs on the product η·λ alone.

    Drag the learning rate η and the curvature λ.

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
    page.functions[0].data["knobs"][0]["sign"] = "λ"
    _even(page, "lr", 0.0, 2.5)
    page.options |= {
        "finding": "parabola",
        "note": "Drag η and λ. What happens at η·λ = 1, and what beyond 2?",
    }
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
        steps=80,
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
    return _with_minimum(page, [0.0, 0.0])


def decay() -> Page:
    """Two weights that decay pulls to the origin, away from the minimum of the loss.

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
            "Adam": partial(Adam, lr=0.05),
            "AdamW": partial(AdamW, lr=0.05, weight_decay=0.2),
        },
        start=[-1.0, 2.0],
        domain=[(-1.5, 3), (-0.75, 2.5)],
        steps=200,
        show=("map", "loss"),
        move=("weight_decay", "start"),
        height=440,
    )
    page.options |= {
        "origin": True,
        "arrows": False,
        "finding": "decay",
        "note": "Drag λ. Where does AdamW stop?",
    }
    return _with_minimum(page, [2.0, 1.0])


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
