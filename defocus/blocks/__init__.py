"""What a picture's file holds besides its pixels, carried whole and compared."""
