"""SFNet: low and high frequencies apart, chosen by filters that depend on the picture."""
