"""What is decided about calls: pure values, tables and counters, without IO or clock."""
