"""A folder that keeps finished pieces of a long experiment, so that it can be stopped and go on."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.files import written_whole

SETTINGS = "settings.json"
FEW = 8  # numbers that are written out; of longer arrays a digest tells whether they differ

Piece = dict[str, np.ndarray]


class Store:
    """Finished pieces by number, in a folder that belongs to one experiment.

    Parameters
    ----------
    folder
        Made if it is not there.
    settings
        What the pieces depend on; `described` makes it comparable. A folder that was made with
        others is refused.

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
            self._compare(json.loads(file.read_text("utf8")), ours)
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

    def _compare(self, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
        different = [
            f"{name}: {shown(theirs.get(name))} there, {shown(ours.get(name))} here"
            for name in sorted({*theirs, *ours})
            if theirs.get(name) != ours.get(name)
        ]
        if different:
            raise ValueError(
                f"store={str(self.folder)!r} was made by other settings ({'; '.join(different)}): "
                "name another folder, or delete this one"
            )

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


def described(value: Any) -> Any:
    """What a value is, in words and numbers that stay the same from process to process.

    Rules and functions are told by name and source, so that a changed formula counts as another.
    """
    return _described(value, ())


def _described(value: Any, above: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tolist() if value.size <= FEW else _array(value)
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    if isinstance(value, (list, tuple, np.ndarray)):
        items = [_described(item, above) for item in value]
        return items if len(items) <= FEW else f"{len(items)} values, {_digest(items)}"
    if isinstance(value, Mapping):
        return {str(key): _described(item, above) for key, item in value.items()}
    if isinstance(value, partial):
        return [_described(part, above) for part in (value.func, value.args, value.keywords)]
    if isinstance(value, type) or inspect.isroutine(value):
        return _code(value, above)
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in fields(value) if f.name[0] != "_"}
        return {"type": name, **_described(parts, above)}
    own = getattr(value, "__dict__", None)
    return [name, _described(own, above) if own else repr(value)]


def _array(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}, {_digest_of(np.ascontiguousarray(array).tobytes())}"


def _code(value: Any, above: tuple[int, ...]) -> Any:
    """A class or a function: its name, its source and what it closes over."""
    family = value.__mro__ if isinstance(value, type) else [value]
    sources = []
    for member in family:
        try:
            sources.append(inspect.getsource(member))
        except (OSError, TypeError):  # written in C, or at a prompt that keeps no source
            sources.append(getattr(member, "__qualname__", repr(member)))
    told = [f"{value.__module__}.{value.__qualname__}, source {_digest(sources)}"]
    cells = getattr(value, "__closure__", None) or ()
    return told + [_described(cell.cell_contents, above) for cell in cells]


def _digest(value: Any) -> str:
    return _digest_of(json.dumps(value).encode())


def _digest_of(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
