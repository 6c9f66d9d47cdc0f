"""Score-based defocus deblurring, rebuilt: sampling of sharp pictures that fit the blurry one."""
