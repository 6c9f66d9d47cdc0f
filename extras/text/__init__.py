"""Characters read in restored pictures: how alike two texts are, the Helsinki Deblur Challenge."""
