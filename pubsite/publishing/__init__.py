"""Sending pages to other places: kinds of destinations (one adapter a kind), and the rules by which a page gets there.

`delivery.py` is the engine, which knows no kind; `adapter.py` what a kind is; `kinds.py` lists them.
"""
