"""From a picture to a .salc file and back."""
