"""CMDDNet, rebuilt: convolutions for detail beside state spaces for what lies far apart."""
