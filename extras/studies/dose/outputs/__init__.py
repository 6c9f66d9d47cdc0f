"""Results that only the restored pictures of a study by dose show."""
