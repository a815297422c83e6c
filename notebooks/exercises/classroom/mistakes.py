"""What students get wrong, and what they may not hand in, by assignment and task.

MISTAKES: a piece of the right answer, and the slip in its place. LIBRARY: the library's own rule
under the name that the task asks for.
"""

MISTAKES = {
    "01_gradient_descent": {
        "gradient-descent-1": ("return g", "return -g"),
        "gradient-descent-3": ("2 / max", "1 / max"),
        "gradient-descent-5": ('"to and fro"', '"diverges"'),
    },
    "02_momentum": {
        "momentum-1": ("+ g", "+ (1 - self.momentum) * g"),
        "momentum-4": ("4 * c", "2 * c"),
    },
    "03_rmsprop": {
        "rmsprop-1": ("np.sqrt(self.v) + self.epsilon", "np.sqrt(self.v + self.epsilon)"),
        "rmsprop-3": ("np.sqrt(1 - rho)", "(1 - rho)"),
    },
    "04_adam": {
        "adam-2": ("(1 - self.beta2**self.t)", "(1 - self.beta2)"),
        "adam-4": ("> 1 + excess", "> excess"),
    },
}

LIBRARY = {
    "01_gradient_descent": {"gradient-descent-1": "from optimizers import SGD as MySGD"},
    "02_momentum": {
        "momentum-1": "from optimizers import Momentum\n\n\nclass MyMomentum(Momentum):\n    pass",
        "momentum-2": "from optimizers import Momentum\n\n\n"
        "class MyNesterov(Momentum):\n    nesterov = True",
    },
    "03_rmsprop": {
        "rmsprop-1": "from optimizers import RMSProp\n\n\nclass MyRMSProp(RMSProp):\n    pass",
        "rmsprop-2": "from optimizers import AdaGrad as MyAdaGrad",
    },
    "04_adam": {
        "adam-2": "from optimizers import Adam\n\n\nclass MyAdam(Optimizer):\n"
        '    state = ("m", "v")\n    beta1, beta2, epsilon = 0.9, 0.999, 1e-8\n\n'
        "    def direction(self, theta, g):\n        return Adam.direction(self, theta, g)",
    },
}
