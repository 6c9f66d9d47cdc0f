"""MDP: one encoder, three decoders for the left view, the right view and the sharp picture."""
