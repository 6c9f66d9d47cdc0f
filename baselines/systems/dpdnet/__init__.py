"""DPDNet: the U-Net for one picture or two dual-pixel views that the DPDD data came with."""
