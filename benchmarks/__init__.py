"""The library beside torch, optax and autograd's own optimizers: python -m benchmarks."""
