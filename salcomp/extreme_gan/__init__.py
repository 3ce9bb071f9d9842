"""The GAN baseline of 2019, as its code was and repaired.

Agustsson, Tschannen, Mentzer, Timofte, Van Gool: Generative Adversarial Networks for
Extreme Learned Image Compression (ICCV 2019), as Justin-Tan/generative-compression on
GitHub had it in the winter of 2019.

    RGB --+
          +--> encoder --> quantizer --> codes ----+
    map --+                                        +--> generator --> RGB
                       noise --> noise net --------+
                                                             discriminators see
                                                             both RGBs in training

The map is optional and ends at the encoder.
"""
