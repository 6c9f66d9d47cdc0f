"""What made the published weights, data, tables and pages; not in the wheel."""
