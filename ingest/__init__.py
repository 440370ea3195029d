"""Audio files in, catalogue out: find, read tags, decode and measure, artwork, encode, features, store, publish."""
