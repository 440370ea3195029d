"""What is true: entities and pure rules. Imports nothing of ours, awaits nothing."""
