"""DnCNN, a denoiser, here trained to deblur."""
