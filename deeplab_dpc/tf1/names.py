"""The TF1 checkpoint name of each of our variables.

Layers are named so that a variable's path is its TF1 name, but for two rules: a scope
that begins with an underscore joins its parent's (`branch0/_depthwise` is
`branch0_depthwise`; a lone `_` is nothing), and the scope `aspp` does not exist.
"""

import keras


def tf1_name(variable: keras.Variable) -> str:
    """The name a TF1 checkpoint of the original has for `variable`."""
    path = variable.path.removeprefix("aspp/")
    return path.replace("/_/", "/").replace("/_", "_")


def variables_by_tf1_name(model: keras.Model) -> dict[str, keras.Variable]:
    """All variables of a checkpoint of `model`, moving averages included."""
    return {tf1_name(v): v for v in model.variables if "seed_generator" not in v.path}
