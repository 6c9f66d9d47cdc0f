"""The thin-lens renderer as a generator of datasets: scenes in, pairs with their truth out."""
