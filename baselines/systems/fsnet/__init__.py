"""FSNet: SFNet whose stages at full size are small U's themselves."""
