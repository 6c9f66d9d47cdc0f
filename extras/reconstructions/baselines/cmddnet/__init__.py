"""CMDDNet, rebuilt: convolutions for detail and state spaces for long range."""
