"""HAProxy in front: its configuration, its maps on disk and its runtime socket."""
