"""Cost: parameters, multiply-adds, memory and seconds."""
