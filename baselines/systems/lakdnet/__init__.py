"""LaKDNet: depth-wise convolutions of large kernels in a U of four levels."""
