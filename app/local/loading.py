"""From a folder to a model that can be asked."""
