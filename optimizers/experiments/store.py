"""A folder that keeps finished pieces of a long experiment, so that it can be stopped and go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.experiments.description import FEW, described
from optimizers.files import written_whole

SETTINGS = "settings.json"

Piece = dict[str, np.ndarray]


class Store:
    """Finished pieces by number, in a folder that belongs to one experiment.

    Parameters
    ----------
    folder
        Made if it is not there.
    settings
        What the pieces depend on; `described` makes it comparable, and tells what it does not see
        (files that are read, compiled code, installed packages, what is reached through
        `getattr`): after such a change the folder has to be deleted by hand. A folder that was
        made with others is refused.

    Raises
    ------
    ValueError
        If the folder was made with other settings (the message says which), or holds other things.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Store(folder, {"steps": 10}).save(3, {"loss": np.array([0.5, 0.25])})
    ...     again = Store(folder, {"steps": 10})
    ...     3 in again, 4 in again, again.load(3)["loss"].tolist()
    (True, False, [0.5, 0.25])
    """

    def __init__(self, folder: str | PathLike[str], settings: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        ours = json.loads(json.dumps({k: described(v) for k, v in settings.items()}))
        file = self.folder / SETTINGS
        if file.exists():
            different = list(_differences(json.loads(file.read_text("utf8")), ours))
            if different:
                raise ValueError(
                    f"store={str(folder)!r} was made by other settings "
                    f"({'; '.join(different[:FEW])}): name another folder, or delete this one"
                )
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"store must be a folder, {str(folder)!r} is a file")
        others = [p.name for p in self.folder.glob("*") if not p.name.startswith(".")]
        if others:
            raise ValueError(
                f"store={str(folder)!r} holds other things ({shown(others)}): name a new folder"
            )
        with written_whole(file) as stream:
            stream.write(json.dumps(ours, indent=1, ensure_ascii=False).encode())

    def _file(self, number: int) -> Path:
        return self.folder / f"piece-{number:05d}.npz"

    def __contains__(self, number: int) -> bool:
        return self._file(number).exists()

    def load(self, number: int) -> Piece:
        """The arrays of a finished piece."""
        with np.load(self._file(number), allow_pickle=False) as data:
            return {name: data[name] for name in data.files}

    def save(self, number: int, piece: Mapping[str, np.ndarray]) -> None:
        """Keep the arrays of a finished piece: all of them, or, if killed meanwhile, none."""
        with written_whole(self._file(number)) as stream:
            np.savez(stream, **{name: np.asarray(value) for name, value in piece.items()})  # type: ignore[arg-type]


def _differences(theirs: Any, ours: Any, *place: str) -> Iterator[str]:
    """Where two descriptions differ, as deep inside as can be said."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            yield from _differences(theirs.get(name), ours.get(name), *place, name)
    elif theirs != ours:
        yield f"{', '.join(place)}: {shown(theirs)} there, {shown(ours)} here"
