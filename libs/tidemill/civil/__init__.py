"""Civil time: what calendars and clocks on walls say, as instants. Pure; times are int microseconds UTC."""
