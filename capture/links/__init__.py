"""How a camera is reached: addresses, processes of its own, streams, protocols, words of makers."""
