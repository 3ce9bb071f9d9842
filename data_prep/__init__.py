"""From frames to the RGBA PNGs that salcomp trains on: RGB, and where people look.

    frame --> crop --+--> resize ----------------------+--> RGBA PNG
                     +--> predictor --> map --> resize -+

Command lines: `prepare` does the above and `preview` draws what it made;
`score_saliency` compares predictors with recorded fixations; `convert_sam` and
`verify_sam` serve who has the published weights of SAM. The package shares image files,
errors and flags with `salcomp` and knows nothing of the codec.
"""

import salcomp  # noqa: F401 - quiets TensorFlow, before a module imports it
