"""SAM, the Saliency Attentive Model: where people look in a photograph.

M. Cornia, L. Baraldi, G. Serra, R. Cucchiara, "Predicting Human Eye Fixations via an
LSTM-based Saliency Attentive Model", IEEE Transactions on Image Processing 27(10),
2018; their code is marcellacornia/sam (MIT licence, Keras 1.1 on Theano). This package
computes what that code computes, with the weights that its authors publish, or with
weights trained on the losses here.

    photograph, uint8 RGB [h, w, 3]
      | preprocessing.fit: into 240x320 with black bars, BGR, minus the mean
      v
    [240, 320, 3]
      | backbones: dilated VGG-16, or dilated ResNet-50 and a convolution
      v
    X [30, 40, 512] ----------------------------+ the same X at each of 4 steps
      | attentive_convlstm                      |
      v                                         |
    h [30, 40, 512] <-- ConvLSTM <-- X * a <----+
      |                    ^  |
      |                    |  +--> h --> attention a [30, 40, 1], which sums to 1
      |                    +-------h
      | twice: learned_prior appends 16 Gaussians [30, 40, 528],
      |        dilated convolution to [30, 40, 512]
      | 1x1 convolution
      v
    [30, 40, 1]
      | model: upsampled 16 times, bilinear
      v
    [480, 640]
      | preprocessing.restore: without the bars, blurred, maximum 1
      v
    saliency map, float32 [h, w] in 0..1

`model.build` makes the network, `weights` reads and writes its files, and
`predict.SamPredictor` goes all the way from photographs to maps.
"""
