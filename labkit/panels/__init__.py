"""Panels: what the magics do, with the mouse; they read runs, and none of them is one."""
