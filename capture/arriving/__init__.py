"""Pictures that other programs or memory cards bring."""
