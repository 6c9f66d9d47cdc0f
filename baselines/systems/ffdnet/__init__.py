"""FFDNet, a denoiser that is told the noise level, trained to deblur here."""
