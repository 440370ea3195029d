"""Histories of many devices of one listener, drawn from a seed, against the real server and an independent oracle.

`python -m tests.simulation --help` plays as many as you like; `test_histories.py` plays some in every test run.
"""
