"""A folder of many labs' submissions: its settings, its check, its board as a static site."""
