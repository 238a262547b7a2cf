"""Facts go to the rules."""
