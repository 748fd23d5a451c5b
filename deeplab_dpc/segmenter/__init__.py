"""From a trained model and images to labels: `load(what).predict(images)`."""
