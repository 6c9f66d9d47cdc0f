"""Speed cases, one file each, with the peer that each is measured against."""
