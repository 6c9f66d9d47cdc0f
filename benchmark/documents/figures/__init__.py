"""Pictures and plots of a report."""
