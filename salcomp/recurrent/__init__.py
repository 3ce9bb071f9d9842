"""The recurrent codec: one network that sends what is left, again and again.

Toderici, Vincent, Johnston, Hwang, Minnen, Shor, Covell: Full Resolution Image
Compression with Recurrent Neural Networks (CVPR 2017), and what Johnston et al. (CVPR
2018) add.

    x, map --> encoder --> binarizer --> bits of iteration t --> decoder --> picture t
    ^                                                                            |
    +------------------- x - picture t, of which iteration t + 1 is -------------+

Encoder and decoder remember, in hidden states, what they have seen. The map is optional
and ends at the encoder; it may say where iterations are spent.
"""
