"""What a metric is, how metrics are found, and what several of them share."""
