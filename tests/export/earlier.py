"""SavedModels as earlier releases wrote them."""

import shutil

import tensorflow as tf

from deeplab_dpc.export import encoded, saved_model


def write(model, folder, version):
    """Writes one right into a folder, with the classes that a version of today has."""

    def both(images):
        names = "SemanticPredictions", "SemanticProbabilities"
        found = saved_model.predict(model, images, saved_model.Serving())
        return dict(zip(names, found))

    def file(image):
        return both(encoded.decode(image, 1e6, "image")[tf.newaxis])

    module = tf.Module()
    module.weights = [variable.value for variable in model.weights]
    images = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    image = tf.TensorSpec([], tf.string, "image")
    signatures = {
        "serving_default": tf.function(both, input_signature=[images]),
        "encoded": tf.function(file, input_signature=[image]),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    shutil.copy(version / "assets.extra" / "labels.json", folder)
