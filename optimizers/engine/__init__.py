"""One trace of a step, in three languages: NumPy, machine code, JavaScript."""
