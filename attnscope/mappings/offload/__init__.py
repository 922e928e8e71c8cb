"""Attention on another pool of devices: traffic, schedule, capacity and price of model-attention disaggregation."""
