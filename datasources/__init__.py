"""Where things live: all I/O, one file a store or a subject."""
