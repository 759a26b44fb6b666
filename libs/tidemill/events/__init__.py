"""What services agree on about events: their JSON form, filters, shapes, and which lanes hear them; pure."""
