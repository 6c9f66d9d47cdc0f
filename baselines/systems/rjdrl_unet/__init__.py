"""U-Net of reblurring-guided JDRL, guided by a blur estimator."""
