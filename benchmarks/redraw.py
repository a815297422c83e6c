"""Row 7: a path computed and drawn again, as in a film."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import cycle
from typing import Any, cast

from benchmarks.report import OURS, Goal, Limit, Row
from benchmarks.timing import interleave
from optimizers import Adam, Trajectory
from optimizers.functions import rosenbrock

STEPS = 500
LEARNING_RATES = (0.03, 0.05, 0.08, 0.12)


def measure(quick: bool) -> Row:
    """Time a move, and its parts."""
    import matplotlib

    matplotlib.use("Agg")
    rates = cycle(LEARNING_RATES)
    reused = ReusedFigure()
    fixed = path(LEARNING_RATES[0])
    contenders: dict[str, Callable[[], Any]] = {
        OURS + ": computed, drawn with reused artists": lambda: reused.draw(path(next(rates))),
        "its path alone": lambda: path(next(rates)),
        "its drawing alone": lambda: reused.draw(fixed),
        "computed, drawn, and encoded as PNG": lambda: reused.encode(path(next(rates))),
        "computed, drawn by plot_paths on cleared axes": again(rates),
    }
    timings, _ = interleave(contenders, 7 if quick else 31)
    return Row(
        7,
        f"Adam's path of {STEPS} steps on Rosenbrock computed and drawn again",
        timings,
        [
            Goal(
                f"{STEPS}-step path recomputed and drawn again",
                next(iter(timings.values())).median,
                Limit("", 0.1),
                Limit("", 0.05),
            )
        ],
        notes=[
            "The figure is the library's own, drawn with Agg; each time with another learning rate."
        ],
    )


def path(lr: float) -> Trajectory:
    """With this learning rate."""
    return Adam(rosenbrock, rosenbrock.start, lr).minimize(STEPS)


class ReusedFigure:
    """The library's picture of a path, in which only the path moves."""

    def __init__(self) -> None:
        from optimizers.plotting.contour import draw_paths
        from optimizers.plotting.frame import frame_of
        from optimizers.plotting.layout import map_size, new_figure

        first = path(LEARNING_RATES[0])
        frame = frame_of(rosenbrock)
        self.ax = new_figure(map_size(frame, 8.0))[0]
        self.drawn, self.labels = draw_paths(self.ax, {"Adam": first}, rosenbrock, frame)
        self.figure = cast(Any, self.ax.get_figure(root=True))
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # laid out once: nothing moves but the path

    def show(self, moved: Trajectory) -> None:
        """Move the path, its label and the title."""
        (line,) = self.drawn
        line.show(moved.theta, moved.diverged)
        if self.labels is not None:
            self.labels.move([line.end])
        self.ax.set_title(f"lr = {moved.hyper_parameters['lr']}", loc="left")

    def draw(self, moved: Trajectory) -> None:
        """Show the path on the canvas."""
        self.show(moved)
        self.figure.canvas.draw()

    def encode(self, moved: Trajectory) -> bytes:
        """Draw what a browser shows."""
        self.show(moved)
        stream = io.BytesIO()
        self.figure.canvas.print_png(stream)
        return stream.getvalue()


def again(rates: Any) -> Callable[[], None]:
    """The whole picture anew, contours included."""
    import matplotlib.pyplot as plt

    from optimizers.plotting import plot_paths

    figure, ax = plt.subplots(figsize=(8.0, 6.0))

    def draw() -> None:
        ax.clear()
        plot_paths(path(next(rates)), rosenbrock, ax)
        figure.canvas.draw()

    return draw
