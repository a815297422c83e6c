"""Let scipy search along lines, on quadratics and on the library's test functions.

    python tests/references/make_searches.py

README.md, beside this file, says what is inside searches.json.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from autograd import value_and_grad
from scipy.optimize import LbfgsInvHessProduct, minimize
from scipy.sparse.linalg import cg

from optimizers.functions import FUNCTIONS

FILE = Path(__file__).parent / "searches.json"
METHODS = {"LBFGS": "L-BFGS-B", "NonlinearCG": "CG"}
STEPS = 300

_rng = np.random.default_rng(5)


def direction() -> dict[str, Any]:
    """What the pairs of six steps on a quadratic make of a gradient.

    scipy begins with the identity; in other units, that is the multiple of it that the newest pair
    asks for.
    """
    A = np.diag(np.geomspace(1.0, 100.0, 8))
    theta = _rng.normal(size=(7, 8))
    s = np.diff(theta, axis=0)
    y = s @ A
    g = theta[-1] @ A
    unit = np.sqrt(s[-1] @ y[-1] / (y[-1] @ y[-1]))
    inverse = LbfgsInvHessProduct(s / unit, y * unit)
    return {
        "reference": "scipy.optimize.LbfgsInvHessProduct",
        "A": A.tolist(),
        "theta": theta.tolist(),
        "direction": (unit * inverse.matvec(unit * g)).tolist(),
    }


def linear() -> dict[str, Any]:
    """Conjugate gradients for A x = b, until x is there."""
    Q, _ = np.linalg.qr(_rng.normal(size=(6, 6)))
    A = Q @ np.diag(np.geomspace(1.0, 30.0, 6)) @ Q.T
    A, b = (A + A.T) / 2, _rng.normal(size=6)
    start = _rng.normal(size=6)
    path = [start]
    cg(A, b, start, maxiter=6, rtol=0, callback=lambda x: path.append(x.copy()))
    return {
        "reference": "scipy.sparse.linalg.cg",
        "A": A.tolist(),
        "b": b.tolist(),
        "path": np.array(path).tolist(),
    }


def minima() -> dict[str, Any]:
    """Where `minimize` ends from each function's start, and how often it evaluates the loss."""
    found: dict[str, Any] = {}
    for rule, method in METHODS.items():
        found[rule] = {"reference": f"scipy.optimize.minimize, {method}", "functions": {}}
        for name, function in FUNCTIONS.items():
            with np.errstate(all="ignore"):
                end = minimize(
                    value_and_grad(function),
                    np.array(function.start, float),
                    jac=True,
                    method=method,
                    options={"maxiter": STEPS},
                )
            told = {"loss": float(end.fun), "evaluations": int(end.nfev), "steps": int(end.nit)}
            found[rule]["functions"][name] = told
    return found


def main() -> None:
    """Write the file anew."""
    record = {"version": scipy.__version__, "direction": direction(), "linear": linear()}
    record["minima"] = minima()
    FILE.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{FILE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
