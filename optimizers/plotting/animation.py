"""A race as a film: in a notebook, or as a GIF."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from os import PathLike
from typing import IO, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import AbstractMovieWriter, Animation, FuncAnimation
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from optimizers.checks import shown, whole
from optimizers.plotting.contour import draw_paths, signs
from optimizers.plotting.frame import frame_of
from optimizers.plotting.layout import axes_for, map_size
from optimizers.plotting.paths import (
    Paths,
    check_drawable,
    journey,
    last_step,
    points_of,
    problem_of,
    with_others,
)
from optimizers.plotting.show import image
from optimizers.plotting.style import caption, headline
from optimizers.progress import in_notebook
from optimizers.trajectory import Trajectory

NEARLY_WHITE = 247
EARLY = 20  # steps that half of a film is for


def animate_paths(
    paths: Paths,
    function: Any,
    ax: Axes | None = None,
    *,
    frames: int = 41,
    fps: float = 10.0,
    domain: Any = None,
) -> Film:
    """Let paths run down the contours together, step by step; of one weight, down the curve.

    Parameters
    ----------
    paths
        A trajectory, or a mapping from labels to trajectories.
    function
        What they went down: a test function, or any function of one or two weights.
    ax
        Where to draw; a new figure if None.
    frames
        How many pictures; fewer if there are fewer steps. Half of them are for the first 20 steps,
        at most one for each, and the others are spread evenly over the rest.
    fps
        Pictures per second.
    domain
        As in `plot_paths`.

    Returns
    -------
    Film
        A matplotlib animation, which a notebook plays; `save_gif` writes it to a file. Keep a
        reference to it until it is shown or saved.

    Raises
    ------
    TypeError, ValueError
        As `plot_paths`, or for frames below 2 or fps that is not positive.

    Examples
    --------
    >>> from io import BytesIO
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(100)
    >>> film = animate_paths(path, rosenbrock, frames=3)
    >>> film
    <Film of 3 pictures: a notebook plays it, save_gif(film, "film.gif") keeps it>
    >>> save_gif(film, BytesIO())
    """
    named = with_others(paths, "animate_paths")[0]
    check_drawable(named, "animate_paths")
    problem = problem_of(function, named, "animate_paths")
    frames = whole("frames", frames, 2)
    if not (isinstance(fps, (int, float)) and 0 < fps <= 100):
        raise ValueError(f"fps must be a number in (0, 100], got {shown(fps)}")
    frame = frame_of(problem, named, domain, "animate_paths")
    ax, ours = axes_for(ax, "animate_paths", map_size(frame, 8.0))
    drawn, labels = draw_paths(ax, named, problem, frame)
    points = [points_of(path, problem) for path in named.values()]
    figure: Any = ax.get_figure(root=True)
    if ours:
        caption(figure, f"{journey(named, problem)}\n{signs(problem, named)}")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: nothing moves but the paths
    first = min(int(path.step[0]) for path in named.values())
    last = last_step(named)
    steps = _in_time(first, last, frames)
    title = ax.get_title(loc="left")

    def update(step: int) -> list[Any]:
        for path, all_points, line in zip(named.values(), points, drawn, strict=True):
            rows, diverged = until(path, int(step))
            line.show(all_points[:rows], diverged)
        if labels is not None:
            labels.move([line.end for line in drawn])
        headline(ax, title if step == last else f"Step {step} of {last}")
        return []

    film = Film(figure, update, frames=steps.tolist(), interval=1000 / fps, blit=False, repeat=True)
    film.alt = f"The paths of {', '.join(named)} on {problem.name}, step by step."
    if ours and in_notebook():
        plt.close(figure)  # else the notebook would show it as well, as a still
    return film


class Film(FuncAnimation):
    """A matplotlib animation that a notebook plays, as a GIF: it needs no script, no network."""

    alt = ""  # what is in it, for those who cannot see it

    def __repr__(self) -> str:
        film: Any = self
        count = len(list(film.new_frame_seq()))
        return (
            f'<Film of {count} pictures: a notebook plays it, save_gif(film, "film.gif") keeps it>'
        )

    def _repr_html_(self) -> str:
        stream = io.BytesIO()
        save_gif(self, stream)
        if in_notebook():
            plt.close(self._fig)  # type: ignore[attr-defined]  # it would be shown as a still
        return image(stream.getvalue(), self.alt)


def _in_time(first: int, last: int, frames: int) -> np.ndarray:
    """The steps that are shown: half of them early ones, in which most happens."""
    early = first + EARLY
    if last <= early or frames == 2:
        return np.unique(np.linspace(first, last, frames).round().astype(int))
    begun = np.unique(np.linspace(first, early, (frames + 1) // 2).round().astype(int))
    rest = np.linspace(early, last, frames - len(begun) + 1).round().astype(int)
    return np.unique(np.concatenate([begun, rest]))


def until(path: Trajectory, step: int) -> tuple[int, Any]:
    """How many rows a path has up to a step, and whether it had diverged by then."""
    rows = max(1, int(np.searchsorted(path.step, step, side="right")))
    if path.diverged_at is None:
        return rows, False
    at = np.ravel(path.diverged_at)
    return rows, (at >= 0) & (at <= step)


def save_gif(
    animation: Animation, file: str | PathLike[str] | IO[bytes], *, hold: float = 2.0
) -> None:
    """Write a film as a GIF that plays forever.

    Parameters
    ----------
    animation
        What `animate_paths` returns.
    file
        Where to write: a name, or a stream.
    hold
        Seconds that the last picture stays.

    Raises
    ------
    TypeError
        If it is not an animation.
    """
    pictures, pace = _pictures(animation)
    times = [pace] * (len(pictures) - 1) + [round(1000 * hold) + pace]
    palette = _palette(pictures[-1])  # one for all, so that the colours do not flicker
    reduced = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    reduced[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=reduced[1:],
        duration=times,
        loop=0,
        optimize=False,
    )


class _Grabber(AbstractMovieWriter):
    """Keeps what matplotlib would write to a file."""

    def __init__(self) -> None:
        super().__init__(fps=1)
        self.pictures: list[Image.Image] = []

    def setup(self, fig: Any, outfile: Any, dpi: float | None = None) -> None:
        super().setup(fig, outfile, dpi)

    def grab_frame(self, **options: Any) -> None:
        """Take the frame from the canvas, on which the animation has just drawn it."""
        picture = Image.fromarray(np.asarray(self.fig.canvas.buffer_rgba()))  # type: ignore[attr-defined]
        self.pictures.append(picture.convert("RGB"))
        if len(self.pictures) == 1:  # a caller's own figure is laid out for the first frame
            self.fig.set_layout_engine("none")

    def finish(self) -> None:
        """Nothing to close."""


@contextlib.contextmanager
def _drawn_aside(figure: Any) -> Iterator[None]:
    """Let the figure draw into memory, and give it back as it was."""
    canvas, engine = figure.canvas, figure.get_layout_engine()
    try:
        FigureCanvasAgg(figure)
        yield
    finally:
        figure.set_canvas(canvas)
        figure.set_layout_engine(engine)


def _pictures(animation: Any) -> tuple[list[Image.Image], int]:
    """Every frame, and the milliseconds that each stays."""
    if not isinstance(animation, Animation):
        raise TypeError(f"animation must be what animate_paths returns, got {shown(animation)}")
    film: Any = animation
    grabber = _Grabber()
    with _drawn_aside(film._fig):
        film.save("not written", writer=grabber, dpi=film._fig.dpi)
    return grabber.pictures, round(film._interval)


def _palette(picture: Image.Image) -> Image.Image:
    """The picture in 255 colours, with the paper as white as it was."""
    reduced = picture.quantize(255, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette()).reshape(-1, 3)
    palette[(palette >= NEARLY_WHITE).all(axis=1)] = 255
    reduced.putpalette(palette.ravel().tolist())
    return reduced
