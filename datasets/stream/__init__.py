"""An endless stream of training pairs: sharp photographs and textures seen through real lenses."""
