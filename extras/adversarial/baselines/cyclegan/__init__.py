"""CycleGAN: from blurry to sharp pictures, learnt without pairs."""
