"""Machines: devices, programs, the event engine, estimates. Knows no attention."""
