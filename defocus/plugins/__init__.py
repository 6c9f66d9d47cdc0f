"""What adds to the program by itself: extras, packages and files, found by kind and name."""
