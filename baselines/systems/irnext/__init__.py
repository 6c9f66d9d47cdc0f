"""IRNeXt: convolutions that also see the picture at three coarser sizes."""
