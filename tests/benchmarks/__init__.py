"""How fast the client is: beside the fastest program that does the same, and other clients."""
