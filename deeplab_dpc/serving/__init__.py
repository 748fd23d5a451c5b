"""A trained model behind HTTP: TensorFlow Serving's and the open inference protocol."""
