"""What happens in the background: jobs over the same sources, as `schedule.py` lists them."""
