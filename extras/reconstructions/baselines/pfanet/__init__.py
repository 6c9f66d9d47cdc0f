"""PFANet, rebuilt: convolutions of three sizes that build on each other, and gates for features."""
