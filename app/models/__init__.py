"""The tiny model interface, wire clients, wrappers, endpoints and prices."""
