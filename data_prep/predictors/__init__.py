"""From a picture to its saliency map."""
