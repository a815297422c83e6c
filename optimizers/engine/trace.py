"""Write down, once, what a function asks NumPy to do.

`trace(function, *inputs)` calls the function on arrays that carry an example and note each NumPy
call that is made with them. autograd runs on them as on any array, so that the gradient of a loss
is written down with the loss. What comes out is a straight line, without branches and without
writing in place:

    trace.inputs    one `Node` for each array or number that was handed in; it has a name, no `fun`
    trace.nodes     the calls, in order, each a `Node`
    trace.returned  what the function returned, in its nesting, with nodes where arrays stood
    trace.outputs   the same nodes (or constants) as a flat list

To walk it, give each input a value, then each node that of its call:

    values = dict(zip(trace.inputs, arrays))
    for node in trace.nodes:
        args, kwargs = filled((node.args, node.kwargs), values)
        values[node] = node.fun(*args, **kwargs)
    outputs = filled(trace.outputs, values)

A node's `fun` is a ufunc or a method of one (`np.add`, `np.add.reduce`), a public NumPy function
(`np.sum`, `np.where`, `np.array`, `np.zeros`), `operator.getitem`, or one of the small functions
below (`added_at`, `astype`). Python's `x ** y` on an array is the ufunc that NumPy takes for it
(`np.square` for x ** 2); on NumPy's single numbers, where it differs from `np.power` in the last
bit, it is `operator.pow`. Plain Python numbers are computed with by `operator.add` and its like.
Arguments are nodes, constants, and nestings (lists, tuples, dicts) of these.
"""
