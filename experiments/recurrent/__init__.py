"""Does a recurrent codec lend itself more to a saliency map than a transform codec?"""
