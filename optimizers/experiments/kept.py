"""A race to keep: in a file, to be looked at again, and as the call that makes it again."""

from __future__ import annotations

import inspect
import json
import platform
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import metadata
from io import BytesIO
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizers.checks import shown
from optimizers.experiments.inputs import label_of, plain
from optimizers.experiments.tuning import Tuning
from optimizers.files import written_whole
from optimizers.functions import FUNCTIONS, Function
from optimizers.problem import Known, Problem, as_problem
from optimizers.trajectory import Trajectory, from_json, to_json

if TYPE_CHECKING:
    from optimizers.experiments.comparison import Comparison

FORMAT = "optimizers race 1"
OF_RACE = ("steps", "budget", "trials", "seeds", "race_seeds", "scatter", "hypothesis", "made")
OF_ENTRY = ("chosen", "cost", "is_drawn_to_origin", "falls_back_to")
OF_PROBLEM = ("name", "minimum", "seed", "draws_start", "noun", "chance")


class LostLoss:
    """Stands for a loss that was not saved with a race."""

    def __call__(self, *arguments: Any) -> Any:
        """Say what is missing."""
        raise LookupError("the loss was not saved with the race: Comparison.load(file, function)")


def save(race: Comparison, file: str | PathLike[str]) -> None:
    """Write all of a race but its loss: a zip file of JSON and NumPy's own format, no pickle."""
    problem = race.problem
    about: dict[str, Any] = {
        "format": FORMAT,
        "race": {name: to_json(getattr(race, name)) for name in OF_RACE},
        "target": race.target,
        "problem": {name: getattr(problem, name) for name in OF_PROBLEM},
        "function": next((n for n, f in FUNCTIONS.items() if f is problem.given), None),
        "refuted": race.refuted,
        "is_exact": problem.exact is not None,
        "entries": {
            label: {name: to_json(getattr(entry, name)) for name in OF_ENTRY}
            for label, entry in race.entries.items()
        },
    }
    known = {"start": problem.theta, "domain": problem.domain, "minima": problem.minima}
    with (
        written_whole(Path(file)) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as kept,
        TemporaryDirectory() as folder,
    ):
        kept.writestr("about.json", json.dumps(about, indent=1, ensure_ascii=False))
        kept.writestr("problem.npz", _packed(known))
        part = Path(folder) / "path.npz"
        for i, (label, entry) in enumerate(race.entries.items()):
            arrays = {"losses": race.losses[label], "luck": entry.luck}
            arrays["accuracies"] = race.accuracies.get(label)
            if entry.tuning is not None:
                arrays |= {"tuning/losses": entry.tuning.losses}
                arrays |= {"tuning/is_first": entry.tuning.is_first}
                arrays |= {f"trials/{name}": v for name, v in entry.tuning.trials.items()}
            kept.writestr(f"{i}/arrays.npz", _packed(arrays))
            for name, path in (("path", entry.path), ("once", entry.once)):
                if path is not None:
                    path.save(part)
                    kept.write(part, f"{i}/{name}.npz")


def load(file: str | PathLike[str], function: Any = None) -> Comparison:
    """Read what `save` wrote; see `Comparison.load`."""
    from optimizers.experiments.comparison import Comparison, Entry, Target

    damaged = (LookupError, TypeError, AttributeError, ValueError, EOFError, zipfile.BadZipFile)
    try:
        with zipfile.ZipFile(file) as kept, TemporaryDirectory() as folder:
            about = json.loads(kept.read("about.json"))
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {shown(about['format'])}, expected {FORMAT!r}")
            entries: dict[str, Entry] = {}
            losses, accuracies = {}, {}
            for i, (label, told) in enumerate(about["entries"].items()):
                arrays = _unpacked(kept.read(f"{i}/arrays.npz"))
                losses[label] = arrays["losses"]
                if "accuracies" in arrays:
                    accuracies[label] = arrays["accuracies"]
                paths: dict[str, Any] = {"path": None, "once": None}
                for name in paths:
                    if (inside := f"{i}/{name}.npz") in kept.namelist():
                        paths[name] = Trajectory.load(kept.extract(inside, folder))
                entries[label] = Entry(
                    **{name: from_json(value) for name, value in told.items()},
                    **paths,
                    tuning=_tuning(arrays),
                    luck=arrays.get("luck"),
                )
            known = _unpacked(kept.read("problem.npz"))
        layout = next(iter(entries.values())).path.layout
        start = layout.unflatten(known.pop("start"))
        race = {name: from_json(value) for name, value in about["race"].items()}
        for name in ("seeds", "race_seeds"):
            race[name] = None if race[name] is None else tuple(race[name])
        target = None if about["target"] is None else Target(*about["target"])
        found = losses, accuracies, about["refuted"]
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {str(file)!r}") from None
    except damaged as error:
        raise ValueError(f"{str(file)!r} is damaged or not a race: {error}") from error
    problem = _problem(function, about, known, start)
    return Comparison(problem, entries, target=target, found=found, **race)


def _problem(function: Any, about: Any, known: Any, start: Any) -> Problem:
    """What was raced on: given again, or the library's own; else all of it but the loss."""
    if function is None:
        function = FUNCTIONS.get(about["function"])
    if function is not None:
        problem, name = as_problem(function, start), about["problem"]["name"]
        if problem.name != name:
            raise ValueError(
                f"function must be the one that was raced on, {name}; got {problem.name}"
            )
        return problem
    lost = LostLoss()
    exact = lost if about["is_exact"] else None
    return Problem(lost, lost, start=start, exact=exact, formula=lost, **about["problem"], **known)


def _tuning(arrays: dict[str, np.ndarray]) -> Tuning | None:
    if "tuning/losses" not in arrays:
        return None
    trials = {
        name.removeprefix("trials/"): v for name, v in arrays.items() if name.startswith("trials/")
    }
    return Tuning(trials, arrays["tuning/losses"], arrays["tuning/is_first"])


def _packed(arrays: dict[str, Any]) -> bytes:
    for name, values in arrays.items():
        if np.asarray(values).dtype == object and values is not None:
            raise ValueError(
                f"{name} holds something that is not a number, and cannot be saved to a file"
            )
    stream = BytesIO()
    np.savez(stream, **{name: v for name, v in arrays.items() if v is not None})
    return stream.getvalue()


def _unpacked(packed: bytes) -> dict[str, np.ndarray]:
    with np.load(BytesIO(packed), allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


# -------------------------------------------------------------------------- how to make it again


def made_by(rules: Mapping[str, Any], problem: Problem, said: Mapping[str, Any]) -> dict[str, str]:
    """The call that makes a race again, and the versions of what was used."""
    from optimizers.experiments.compare import compare  # it is what is called

    usual = inspect.signature(compare).parameters
    if all(label == label_of(rule) for label, rule in rules.items()):
        racing = f"[{', '.join(map(_code, rules.values()))}]"
    else:
        racing = _code(dict(rules))
    on = problem.given if isinstance(problem.given, Known) else problem.loss
    if isinstance(on, Function) and (on.start is None or np.any(problem.start != on.start)):
        said = {**said, "start": problem.start}
    named = [
        f"{name}={_code(value)}"
        for name, value in said.items()
        if not np.array_equal(value, usual[name].default)
    ]
    told = {"call": f"compare({', '.join([racing, _code(on), *named])})", **_versions()}
    return told if said["schedule"] is None else told | {"schedule": _code(said["schedule"])}


def _code(value: Any) -> str:
    """A value as one would write it."""
    if isinstance(value, partial):
        inside = [*map(_code, (value.func, *value.args))]
        inside += [f"{name}={_code(v)}" for name, v in value.keywords.items()]
        return f"partial({', '.join(inside)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_code(k)}: {_code(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        inside = [*map(_code, value)]
        return f"[{', '.join(inside)}]" if isinstance(value, list) else f"({', '.join(inside)},)"
    if isinstance(value, np.ndarray):
        return _code(value.tolist())
    if isinstance(value, (bool, int, float, str, type(None), np.generic)):
        return repr(plain(value))
    if isinstance(value, Function):
        return value.written
    return str(getattr(value, "__name__", repr(value)))


def _versions() -> dict[str, str]:
    from optimizers import __version__

    found = {"optimizers": __version__, "Python": platform.python_version()}
    for name in ("numpy", "autograd", "scipy", "llvmlite"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
