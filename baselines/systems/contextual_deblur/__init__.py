"""ContextualDeblur (ViTDeblur): a ViT in overlapping tiles and a full-resolution tail."""
