"""Dataset readers, one file each; ``READER:PATH`` names the file."""
