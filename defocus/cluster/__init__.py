"""Many items on as many machines as there are: the dispatcher and the queues behind it."""
