"""FocalNet: two paths at full size, and attention to where and how a picture is degraded."""
