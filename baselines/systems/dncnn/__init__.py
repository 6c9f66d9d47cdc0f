"""DnCNN, a denoiser that is trained to deblur here."""
