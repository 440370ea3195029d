"""Music for an empty catalogue: short pieces that the project composes, plays and records itself."""

from ingest.demo.write import write_demo

__all__ = ["write_demo"]
