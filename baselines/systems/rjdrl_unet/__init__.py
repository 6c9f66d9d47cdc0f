"""The U-Net of reblurring-guided JDRL: a blur estimator beside it tells it how each pixel blurs."""
