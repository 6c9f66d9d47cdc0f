"""External results: pictures restored by another program, scored and added to a study."""
