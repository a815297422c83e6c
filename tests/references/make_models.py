"""Let torch compute the loss of each model and its gradient, on weights and data drawn here.

    pip install -r tests/references/requirements.txt
    python tests/references/make_models.py

README.md, beside this file, says what is inside the files in models/.
"""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

FOLDER = Path(__file__).parent / "models"

Tensors = dict[str, torch.Tensor]  # name of a leaf → its values
Loss = Callable[..., torch.Tensor]  # of the weights and the arrays of a batch

rng = np.random.default_rng(4)


# ---------------------------------------------------------------------------- losses as torch has


def linear(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
    return F.linear(x, w[f"{name}/kernel"].T, w[f"{name}/bias"])


def network(phi: Callable[[torch.Tensor], torch.Tensor], layers: int) -> Loss:
    def loss(w: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        for layer in range(1, layers):
            x = phi(linear(w, f"layer{layer}", x))
        return F.cross_entropy(linear(w, f"layer{layers}", x), y)

    return loss


def transformer(width: int, heads: int, layers: int) -> Loss:
    def norm(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (width,), w[f"{name}/scale"], w[f"{name}/bias"])

    def attention(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
        theirs = torch.nn.MultiheadAttention(width, heads, batch_first=True, dtype=x.dtype)
        kernels = [w[f"{name}/{part}/kernel"].T for part in ("query", "key", "value")]
        biases = [w[f"{name}/{part}/bias"] for part in ("query", "key", "value")]
        parameters = {
            "in_proj_weight": torch.cat(kernels),
            "in_proj_bias": torch.cat(biases),
            "out_proj.weight": w[f"{name}/output/kernel"].T,
            "out_proj.bias": w[f"{name}/output/bias"],
        }
        arguments = (x, x, x), {"need_weights": False}
        return torch.func.functional_call(theirs, parameters, *arguments)[0]

    def loss(w: Tensors, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        places = torch.arange(tokens.shape[1])
        x = F.embedding(tokens, w["embedding/token"]) + w["embedding/position"][places]
        for i in range(1, layers + 1):
            x = x + attention(w, f"block{i}/attention", norm(w, f"block{i}/norm1", x))
            h = F.relu(linear(w, f"block{i}/mlp/layer1", norm(w, f"block{i}/norm2", x)))
            x = x + linear(w, f"block{i}/mlp/layer2", h)
        logits = linear(w, "output", norm(w, "norm", x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)

    return loss


def quadratic(hessian: np.ndarray) -> Loss:
    h = torch.tensor(hessian)

    def loss(w: Tensors, x: torch.Tensor) -> torch.Tensor:
        away = w["theta"] - x
        return (0.5 * torch.einsum("ni,ij,nj->n", away, h, away)).mean()

    return loss


# ------------------------------------------------------------------------------- weights and data


def dense(inputs: int, outputs: int) -> dict[str, Any]:
    return {"kernel": (inputs, outputs), "bias": (outputs,)}


def stack(sizes: list[int]) -> dict[str, Any]:
    return {f"layer{i}": dense(*pair) for i, pair in enumerate(pairwise(sizes), 1)}


def transformer_shapes(vocabulary: int, longest: int, width: int, layers: int) -> dict[str, Any]:
    norm = {"scale": (width,), "bias": (width,)}
    block = {
        "norm1": norm,
        "attention": {part: dense(width, width) for part in ("query", "key", "value", "output")},
        "norm2": norm,
        "mlp": stack([width, 2 * width, width]),
    }
    return {
        "embedding": {"token": (vocabulary, width), "position": (longest, width)},
        **{f"block{i}": block for i in range(1, layers + 1)},
        "norm": norm,
        "output": dense(width, vocabulary),
    }


def drawn(shapes: Any, name: str = "") -> dict[str, np.ndarray]:
    """One array a name, all of them random: a bias or a scale at its start would hide mistakes."""
    if isinstance(shapes, tuple):
        return {name: rng.normal(size=shapes) * 0.5 + name.endswith("scale")}
    parts = (drawn(inner, f"{name}/{key}" if name else key) for key, inner in shapes.items())
    return {leaf: values for part in parts for leaf, values in part.items()}


def labelled(n: int, inputs: int, classes: int) -> list[np.ndarray]:
    return [rng.normal(size=(n, inputs)), rng.integers(classes, size=n)]


def masked(n: int, length: int, vocabulary: int) -> list[np.ndarray]:
    letters = rng.integers(1, vocabulary, size=(n, length))
    hidden = rng.random((n, length)) < 0.3
    return [np.where(hidden, 0, letters), np.where(hidden, letters, -1)]


def write(
    name: str, model: str, arguments: dict[str, Any], loss: Loss, shapes: Any, batch: Any
) -> None:
    """Draw the weights of one case, let torch compute, and write the file."""
    weights = drawn(shapes)
    w = {leaf: torch.tensor(values, requires_grad=True) for leaf, values in weights.items()}
    value = loss(w, *map(torch.tensor, batch))
    value.backward()
    case = {
        "name": name,
        "model": model,
        "arguments": arguments,
        "reference": f"torch {torch.__version__.split('+')[0]}",
        "leaves": list(weights),
    }
    arrays = {f"weights/{leaf}": values for leaf, values in weights.items()}
    arrays |= {f"gradient/{leaf}": w[leaf].grad.numpy() for leaf in w}
    arrays |= {f"batch/{i}": array for i, array in enumerate(batch)}
    arrays |= {"loss": value.detach().numpy(), "case": np.array(json.dumps(case))}
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)
    print(f"{name:<20} {value.item():.6f}")


def main() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)

    name = "softmax_regression"
    sizes = {"inputs": 6, "classes": 4}
    write(name, name, sizes, network(torch.relu, 1), stack([6, 4]), labelled(9, 6, 4))

    for phi in (torch.relu, torch.tanh):
        arguments = {"sizes": [6, 5, 7, 4], "activation": phi.__name__}
        shapes = stack([6, 5, 7, 4])
        write(f"mlp_{phi.__name__}", "mlp", arguments, network(phi, 3), shapes, labelled(9, 6, 4))

    small = {"vocabulary": 7, "longest": 6, "width": 8, "heads": 2, "layers": 1}
    deep = {"vocabulary": 5, "longest": 4, "width": 6, "heads": 3, "layers": 2}
    for name, sizes, length in (
        ("transformer", small, 6),
        ("transformer_shorter", small, 4),
        ("transformer_deep", deep, 4),
    ):
        vocabulary, longest, width, heads, layers = sizes.values()
        loss = transformer(width, heads, layers)
        shapes = transformer_shapes(vocabulary, longest, width, layers)
        write(name, "transformer", sizes, loss, shapes, masked(5, length, vocabulary))

    half = rng.normal(size=(5, 5))
    hessian = half @ half.T
    arguments, points = {"hessian": hessian.tolist()}, [rng.normal(size=(9, 5))]
    write("quadratic", "quadratic", arguments, quadratic(hessian), {"theta": (5,)}, points)


if __name__ == "__main__":
    main()
