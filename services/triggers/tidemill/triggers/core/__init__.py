"""What an event starts: pure, without IO, clock or randomness."""
