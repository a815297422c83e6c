"""Three hints a task, each a little nearer to the answer; the last leaves one thing to do."""

HINTS: dict[str, tuple[str, str, str]] = {
    "gradient_descent/1": (
        "The library's step is θ ← θ − η d, and gradient descent is θ ← θ − η g. Compare them.",
        "The library's step already has the minus sign and the learning rate. What is left for d?",
        "One line: `return`, and then the letter that gradient descent has where the library has "
        "d.",
    ),
    "gradient_descent/2": (
        "Write down the new weight, θ − η h (θ − 1). Subtract 1 from it: that is the new distance.",
        "The new distance is (θ − 1) − η h (θ − 1). Take θ − 1 out of it.",
        "What multiplies θ − 1 is 1 minus a product, and the product is `lr * curvature`.",
    ),
    "gradient_descent/3": (
        "The distance grows when the factor of task 2 is below −1. At which rate is it just −1?",
        "1 − η h = −1 gives the limit for one direction. Which direction reaches its limit first?",
        "1 − η h = −1 means η h = 2. The steepest direction, `max(curvatures)`, sets the limit.",
    ),
    "gradient_descent/4": (
        "After n steps, the share |factor|ⁿ of the distance is left. When is that small enough?",
        "Solve |factor|ⁿ = share for n, with logarithms. Then take the next whole number.",
        "n is the logarithm of the share over the logarithm of `abs(1 - lr * curvature)`. `np.log` "
        "and `np.ceil` do the rest; make the result an `int`.",
    ),
    "gradient_descent/5": (
        "The factor of task 2 is 1 − 10 η here. Work it out for each rate and for its double.",
        "The smaller the factor, without its sign, the nearer the end. At 1 nothing shrinks, above "
        "1 all grows.",
        "From rate to double, the factors are 0.6 and 0.2, 0.2 and −0.6, 0 and −1, −0.5 and −2. So "
        '0.04 is "nearer". And the others?',
    ),
    "gradient_descent/6": (
        "Each rate has two factors: 1 − η along the flat direction, 1 − 25 η across it.",
        "A negative factor makes the path jump across the valley, and the nearer it is to −1, the "
        "longer it zigzags. A small rate creeps.",
        "Across the valley the factors are 0.875, 0.25, −0.5 and −0.95. A creeps, so A is 0.005. "
        "Two of the others zigzag: which of them goes on for longer?",
    ),
    "momentum/1": (
        "Two lines: one for p, one that returns d. Compare θ ← θ − η d with the formula: what is "
        "d?",
        "d is the new p. And p must be stored in `self.p`, or the next step does not know it.",
        "The new p is `self.momentum * self.p` plus the whole gradient. Store it, then return it.",
    ),
    "momentum/2": (
        "The line of p stays as it is in task 1.",
        "Compare θ ← θ − η d with θ ← θ − η (g + μ p): d is everything in the parentheses.",
        "First the new `self.p`, as in task 1. Then return g plus `self.momentum * self.p`.",
    ),
    "momentum/3": (
        "At top speed p is the same before and after the step: p = μ p + g. Solve this for p.",
        "(1 − μ) p = g gives you p. The step is −η p.",
        "p is g divided by `(1 - momentum)`. Multiply by the learning rate, and mind the sign.",
    ),
    "momentum/4": (
        "The quadratic formula takes the root of b² − 4c. When is there no real root?",
        "b² − 4c must be below 0. Compare r² − b r + c with the equation: what are b and c?",
        "b is `1 + momentum - lr * curvature`, and c is the momentum. Is b² below 4c?",
    ),
    "momentum/5": (
        "Without momentum the ball creeps along the flat direction. With a lot of it, it "
        "overshoots.",
        "Sort the paths by how far they swing across the valley floor: more momentum, more swing.",
        "A swings the most, so A is 0.95. The path that gets least far has no momentum at all.",
    ),
    "rmsprop/1": (
        "Two lines: the running mean v, stored in `self.v`, and then the direction.",
        "v keeps a share ρ of its old value and gets a share 1 − ρ of g². Then divide g by its "
        "root.",
        "`self.v = self.rho * self.v + …`, with the other half of the mean. Then divide g by "
        "`(np.sqrt(self.v) + self.epsilon)`, parentheses included.",
    ),
    "rmsprop/2": (
        "Nothing is forgotten here: G is a plain sum.",
        "Add g² to `self.G` and store the result. The direction looks like RMSProp's.",
        "G grows by `g**2` at each step. Then divide g by `(np.sqrt(self.G) + self.epsilon)`.",
    ),
    "rmsprop/3": (
        "v starts at 0. What is it after one step, in terms of g and ρ?",
        "v = (1 − ρ) g², so its root is √(1 − ρ) |g|. Divide g by that: what is left of g?",
        "Only the sign is left, `np.sign(g)`, over `np.sqrt(1 - rho)`. Now the learning rate and "
        "the minus.",
    ),
    "rmsprop/4": (
        "Every gradient is g. What is G after t steps?",
        "G = t g². Take the root, and divide g by it.",
        "g / √(t g²) is 1 / √t, without its sign. So `np.sqrt(t)` goes below, and what goes above?",
    ),
    "rmsprop/5": (
        "Multiply every g by 100 in each of the formulas. Does the 100 cancel?",
        "In g / √v the 100 stands above and below. Which of the rules divide by such a root?",
        'AdaGrad divides the 100 away: "the same path". SGD\'s steps get 100 times longer. And the '
        "other two?",
    ),
    "adam/1": (
        "The formula of m̂ is in the list above. The function gets every letter in it.",
        "m̂ = m / (1 − βᵗ). Python writes a power with two stars.",
        "Divide m by a pair of parentheses. Inside them is 1 minus `beta**t`.",
    ),
    "adam/2": (
        "Five lines: m, v, m̂, v̂, and the one that returns. Take them from the formula in turn.",
        "m and v keep a share β of their old value and get a share 1 − β of g, or of g². For m̂, "
        "divide m by 1 − β₁ᵗ; t is `self.t`.",
        "`self.m = self.beta1 * self.m + (1 - self.beta1) * g`, and v likewise with β₂ and g². "
        "Divide by `(1 - self.beta1**self.t)` for m̂, and likewise for v̂. Then m̂ over (√v̂ + ε).",
    ),
    "adam/3": (
        "Put m̂ = g and v̂ = g² into m̂ / √v̂.",
        "√(g²) is the size of g. What is g divided by its own size?",
        "It is the sign: `np.sign(g)`, which is 0 for g = 0. What stands before d in θ − η d?",
    ),
    "adam/4": (
        "You can simply count: start at step 1 and go on until the correction is small enough.",
        "Write a loop: while the correction is above 1 + excess, add 1 to t.",
        "`while 1 / (1 - beta**t) > 1 + excess:` is the condition. What is t before the loop, what "
        "happens in it, and what comes after?",
    ),
    "adam/5": (
        "Look at the first step. Two rules divide g by its size: both weights move equally far.",
        "RMSProp and Adam start along a diagonal. Momentum and Adam remember where they were "
        "going, so they run on further.",
        'A and D start along a diagonal, and A runs on further: A is "Adam". Of B and C, which one '
        "swings?",
    ),
    "adamw/1": (
        "Start from Adam's five lines (exercises 04). Only the last one changes.",
        "λ θ goes neither into m nor into v. It is added to Adam's direction at the very end.",
        "Return Adam's direction, and outside the fraction `+ self.weight_decay * theta`.",
    ),
    "adamw/2": (
        "The gradient is 0, so m̂ is 0. What is left of AdamW's step?",
        "θ ← θ − η λ θ. So every step multiplies the weight by the same number.",
        "That number is `(1 - lr * weight_decay)`. How often is the weight multiplied by it?",
    ),
    "adamw/3": (
        "Change g first. Adam's five lines below it stay as they are.",
        "The new gradient is g + λ θ, and both m and v must see it.",
        "In the first line, g gets `self.weight_decay * theta` added. Then comes plain Adam, and "
        "no decay after it.",
    ),
    "adamw/4": (
        "The gradient that Adam sees is λ θ. What does Adam's first step do with its size?",
        "Adam's first step is −η times the sign of the gradient (exercises 04, task 3).",
        "λ is above 0, so λ θ has the sign of θ: `np.sign(weight)`. λ itself cancels.",
    ),
    "adamw/5": (
        "Look at the printed places. Only one rule goes to the lowest point of the loss, (1, 1).",
        "With curvature h, Adam with L2 rests where h (θ − 1) + λ θ = 0. AdamW rests near λ θ = 1.",
        "With λ = 2, a penalty in the loss leads to 1/3 and 10/12, decay in the step to about 1/2 "
        'and 1/2. C ends at (1, 1): it is "Adam".',
    ),
    "lamb/1": (
        "Start with the two lengths: `np.linalg.norm` of theta, and of u.",
        "If one of the lengths is 0, return 1. Otherwise divide one by the other.",
        "After `length, step = np.linalg.norm(theta), np.linalg.norm(u)`, see whether either is 0: "
        "then return 1. If not, length goes above and step below.",
    ),
    "lamb/2": (
        "Start from task 1. Only its last line changes.",
        "φ is applied to the length of theta, not to the ratio. The special cases still give 1.",
        "φ of the length is `min(max(length, low), high)`. Divide it by the length of u; the look "
        "at 0 stays above it.",
    ),
    "lamb/3": (
        "Turn a single string into a list first. Then there is only one case left.",
        "`isinstance(patterns, str)` tells you. Then ask whether any pattern is found in the name.",
        "`any(re.search(pattern, name) for pattern in patterns)` says that the layer is left out; "
        "you want the opposite. Above it, a string becomes a list with one pattern.",
    ),
    "lamb/4": (
        "Start from AdamW (exercises 05): its direction is u.",
        "The ratio is `trust_ratio(theta, u)` from task 1, and d is the ratio times u.",
        "Adam's four lines, then u: m̂ / (√v̂ + ε), and `+ self.weight_decay * theta`. After that "
        "`self.trust_ratio = trust_ratio(theta, u)`. What do you return?",
    ),
    "lamb/5": (
        "The step is η · ratio · u. What is its length?",
        "η · φ(‖θ‖) / ‖u‖ · ‖u‖: something cancels.",
        "The learning rate and φ of the length are left. φ is `min(max(norm, low), high)`.",
    ),
    "lamb/6": (
        "m and v start at 0. What are they after one step, in terms of g?",
        "m = (1 − β₁) g and v = (1 − β₂) g². Now take m / √v: g cancels.",
        "Above stands 1 − β₁, and below `np.sqrt(1 - beta2)`.",
    ),
    "lookahead/1": (
        "It is the first of the two formulas, in Python's letters.",
        "The way from slow to fast is fast − slow. How much of it do the slow weights go?",
        "Start at the slow weights and add α times `(fast - slow)`.",
    ),
    "lookahead/2": (
        "Loop over the steps, and count them from 1. Keep two things: theta and the slow weights.",
        "Each time, theta becomes `step(theta)`. After every k of these, take a slow step, and let "
        "theta jump to where it ends.",
        "`if t % k == 0:` says when; there, `slow = slow_step(slow, theta, alpha)`, and theta "
        "jumps. What is slow before the loop, and what do you return?",
    ),
    "lookahead/3": (
        "Let the round start at distance 1. Where are the fast weights after k steps?",
        "The slow ones are still at 1, the fast ones at qᵏ. Now go a part α of the way between.",
        "The fast weights contribute `alpha * q**k`. What share of the old distance stays?",
    ),
    "lookahead/4": (
        "Write q as a line of its own. Then write the formula piece by piece.",
        "α² (1 − q²ᵏ) appears above and below: give it a name.",
        "With `slow = alpha**2 * (1 - q ** (2 * k))`, the fraction is slow over slow plus "
        "something. The something ends with `(1 - q**k)`.",
    ),
    "schedules/1": (
        "How many times has the rate been multiplied by the factor before step t?",
        "0 times for t = 1 … k, once for t = k + 1 … 2k. Division with `//` drops the remainder.",
        "`(t - 1) // every` counts the stairs so far. It is the power of the factor.",
    ),
    "schedules/2": (
        "The share of the way that is done is (t − 1) / T. It must not grow beyond 1.",
        "`min` can hold it at 1. Then the cosine is −1 for good, and the rate stays at 0.",
        "The share done is `min(t - 1, steps) / steps`. Put π times that into `np.cos`.",
    ),
    "schedules/3": (
        "Two cases: up to the end of the warm-up, and after it.",
        "After the warm-up, 1 − (t − 1) / T must not fall below 0. `min` helps, as in task 2.",
        "Begin with `if t <= warmup:` and return the rising line. After it, the share done is "
        "`min(t - 1, steps) / steps`: what does it leave of lr?",
    ),
    "schedules/4": (
        "Put t = w into the rising line, and t = w + 1 into the falling one.",
        "The rates are η and η (1 − w / T). Subtract them.",
        "η − η (1 − w / T): η cancels once. `warmup / steps` is left of the parentheses.",
    ),
    "schedules/5": (
        "The noise is the same throughout, so the steps are about as long as the rate says.",
        "Stairs drop all at once, a warm-up rises first, a cosine starts out flat, a line falls.",
        'A rises first: it is "warm-up". D falls off an edge. Which of B and C starts out flat?',
    ),
    "bugs/1": (
        "Look at the test drive. The first step should be 0.1.",
        "m and v start out too small, so m̂ and v̂ must be larger. 1 − βᵗ is below 1: multiply by "
        "it, or divide by it?",
        'Its name is "correction multiplied". m̂ needs `/ (1 - self.beta1**self.t)`, v̂ likewise.',
    ),
    "bugs/2": (
        "The first step is right. So look for what should change from step to step.",
        "The correction should fade while t grows. Where is t here?",
        'Its name is "power t missing". In m̂, β₁ should be `self.beta1**self.t`; β₂ in v̂ likewise.',
    ),
    "bugs/3": (
        "Every step is a little too long, and always by the same amount.",
        "Python divides before it adds. What is added here, and to what?",
        'Its name is "parentheses missing". m̂ is divided by `(np.sqrt(v_hat) + self.epsilon)`.',
    ),
    "bugs/4": (
        "The large slope is right. Compare the small one, 1e-5, with ε.",
        "v̂ is 1e-10 there, and ε is 1e-8. Which of them decides what the root is?",
        'Its name is "epsilon inside the root". First `np.sqrt(v_hat)`, and then ε is added.',
    ),
    "bugs/5": (
        "It counts its steps itself. What is t at the first step, and at the second?",
        "t is `self.made + 1`, and nothing ever changes `self.made`.",
        'Its name is "t never counted". `self.made = self.made + 1` belongs above the line of t, '
        "and t is then `self.made`. The rest stays.",
    ),
    "bugs/6": (
        "What should m and v be before the first step? And what are they here?",
        "`empty_like` takes what it finds in memory. NumPy can make an array of zeros as well.",
        'Its name is "state not zero". `np.zeros_like` makes an array of zeros, as long as another '
        "array.",
    ),
    "more_bugs/1": (
        "Compare what it returns with d = p.",
        "You know g + μ p from exercises 02, task 2.",
        'Its name is "Nesterov, not plain". The line of p is right: return `self.p` alone after '
        "it.",
    ),
    "more_bugs/2": (
        "Compare the line of p with the formula, factor by factor.",
        "With a steady slope, this p ends up 1 − μ times as large as it should be.",
        'Its name is "gradient damped". Leave `self.momentum * self.p`, and give g no factor.',
    ),
    "more_bugs/3": (
        "Where does λ θ come in, and which lines does it pass through after that?",
        "It is in g, so it is in m and in v. In AdamW it bypasses them.",
        'Its name is "decay in the gradient". Drop the first line, and add `self.weight_decay * '
        "theta` to what is returned.",
    ),
    "more_bugs/4": (
        "The pull in one step should be η λ θ. What is it here?",
        "`update` subtracts λ θ, whatever the learning rate is. `self.eta` is the learning rate.",
        'Its name is "decay without lr". `super().update` is right; subtract `self.eta * '
        "self.weight_decay * theta` from it.",
    ),
    "more_bugs/5": (
        "In what order does it compute u, the decay and the ratio? And the formula?",
        "The formula divides by ‖u‖ with λ θ in it. Here λ θ comes too late for that.",
        'Its name is "ratio before the decay". Put `u = u + self.weight_decay * theta` above the '
        "line of the ratio.",
    ),
    "more_bugs/6": (
        "It agrees on small layers. What is different when a layer is long?",
        "There is a 10.0 in the code. Is it in the formula?",
        'Its name is "hidden clamp". The ratio takes the length as it is: `ratio_of(theta, u)`.',
    ),
    "more_bugs/7": (
        'What does the loop see when patterns is the string "bias"?',
        'It sees "b", "i", "a" and "s". Make a list of the string before the loop.',
        'Its name is "letter by letter". Put `if isinstance(patterns, str):` first, and there make '
        "a list with one pattern.",
    ),
    "more_bugs/8": (
        "Put λ = 0 into the formula of LAMB. Does the ratio go away?",
        "Without decay u is Adam's direction, and it still needs its ratio. Which lines skip it?",
        'Its name is "ratio only with decay". Take out the two lines of the `if`; always return '
        "`ratio_of(theta, u) * u`.",
    ),
    "measure/1": (
        "n steps with one factor lead from the first distance to the first times factorⁿ.",
        "factorⁿ is the last distance over the first. Take the n-th root. How large is n?",
        "Take `distances[-1] / distances[0]` to the power 1 / n, with n = `len(distances) - 1`.",
    ),
    "measure/2": (
        "Which numbers are a, b and c of a r² + b r + c in this equation? Mind the sign of b.",
        "a is 1, b is −(1 + μ − η h) and c is μ. Give them to `np.roots` as a list.",
        "The list is `[1, -(1 + momentum - lr * curvature), momentum]`. Take `np.abs` of both "
        "roots, and return the larger.",
    ),
    "measure/3": (
        "`rng.choice(slopes, (draws, batch))` draws all the batches at once, one in each row.",
        "Take the mean of each row, then the variance of the means.",
        "`.mean(axis=1)` gives the mean of each row. Put these means, and not the slopes, into "
        "`np.var`.",
    ),
    "measure/4": (
        "x is the array of all starts. Each step subtracts lr times the gradient at x.",
        "After the steps, find the nearest lowest point for each run: first a table of distances, "
        "a row for each run and a column for each lowest point.",
        "`np.argmin(np.abs(x[:, np.newaxis] - minima), axis=1)` says which one is nearest. The "
        "share of number i is the mean of a comparison with i.",
    ),
    "measure/5": (
        "Run `distance_left` for the three rules, on each of the two bowls.",
        "Decay pulls towards (0, 0). In which of the two bowls does that help?",
        'At (1, 1), "Adam" is nearest: it has no decay. At the origin a rule with decay wins, and '
        "you know where its decay leads.",
    ),
    "race/1": (
        "Were both tuned alike? And is it shown on something that played no part in the tuning?",
        "Look for a rate that nobody tuned, other steps than those of the tuning, a minimum where "
        "the decay leads, unequal trials, a single run.",
        'Two of them are "fair", and both show seeds or starts that did not choose the rate. B is '
        "one of the two.",
    ),
    "race/2": (
        "First deal with the runs that diverged. Which number is larger than every loss?",
        "Replace what is not finite by infinity. Then take the minimum, and compare.",
        "`np.where(np.isfinite(losses), losses, np.inf)` replaces them. The share is the mean of a "
        "comparison with factor times the minimum.",
    ),
    "race/3": (
        "The steep direction limits the rate, and then the flat one takes forever. What helps "
        "along the flat one?",
        "Memory: a sum of gradients grows along the valley and cancels across it. Exercises 02 "
        "have two rules with such a sum.",
        "Nesterov's momentum is enough: the sum is `self.mu * self.p + g`. What does that rule "
        "return?",
    ),
    "one_line/1": (
        "Momentum returns p. Signum returns only its sign.",
        "The line of p is already there. Write the one that returns d.",
        "Take `np.sign` of what Momentum returns.",
    ),
    "one_line/2": (
        "Take Adam's line of v. What does it square, and what should it square here?",
        "g² becomes (g − m)², with the new m, and ε is added at the end.",
        "The line ends with `(g - self.m) ** 2 + self.epsilon`. Before that it is as in Adam.",
    ),
    "one_line/3": (
        "Write Adam's line as v minus something. Yogi changes the something.",
        "It is 1 − β₂ times the sign of v − g², times g².",
        "The sign is `np.sign(self.v - g**2)`. Multiply by g² and 1 − β₂, and subtract from v.",
    ),
    "one_line/4": (
        "The slow mean looks like the line of m, with β₃ in place of β₁.",
        "In d it stands beside m̂, times α, and is divided by √v̂ + ε as well.",
        "`self.slow = self.beta3 * self.slow + (1 - self.beta3) * g`. Then add `self.alpha * "
        "self.slow` to m̂, in parentheses, before you divide.",
    ),
    "one_line/5": (
        "One line for the slow mean, one for the new g. Adam below them stays as it is.",
        "At step 1 the slow mean is g itself. Later it is a running mean with ρ; `self.t` counts.",
        "The slow mean is `g if self.t == 1 else self.rho * self.slow + (1 - self.rho) * g`. Store "
        "it, multiply it by the boost, and add that to g.",
    ),
    "one_line/6": (
        "Everything depends on one product, the gradient times `self.before`. Give it a name.",
        "The rate is multiplied by grow, shrink or 1: that is one `np.where` inside another.",
        "`np.where(product > 0, self.grow, np.where(product < 0, self.shrink, 1.0))` multiplies "
        "the rate. For `self.before`: 0 where the product is below 0, and g elsewhere.",
    ),
    "one_line/7": (
        "If every gradient is c, every running mean of them comes to c, and v to c².",
        "So Adam's quotient comes to 1. But what is v in AdaBelief, when g is always m? And what "
        "does Rprop's rate do while the sign stays?",
        'In AdaBelief v comes to almost 0: "ever longer". In AdEMAMix c + α c stands above. Which '
        "of the others has something that never stops growing?",
    ),
}
