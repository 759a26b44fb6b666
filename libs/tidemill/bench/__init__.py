"""The benchmark of the whole stack over gRPC alone: one execution by itself, then many, then a check."""
