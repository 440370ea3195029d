"""How it is answered: short async functions, the only place where rules and I/O meet."""
