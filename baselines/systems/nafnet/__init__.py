"""NAFNet: convolutions and products of features, without an activation function."""
