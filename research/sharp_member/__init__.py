"""Faults planted in the sharp members of sessions made of photographs; what is found of them."""
