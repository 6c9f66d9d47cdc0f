"""How exact the measures are: pictures of analytically known MTF, and a second implementation."""
