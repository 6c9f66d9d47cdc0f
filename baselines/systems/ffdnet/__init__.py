"""FFDNet, a denoiser with the noise level as input, here trained to deblur."""
