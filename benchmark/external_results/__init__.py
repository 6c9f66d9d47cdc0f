"""Pictures that another program restored, as scores and as a row of a study."""
