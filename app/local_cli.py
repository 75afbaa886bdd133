"""`govsim local`: serve, train and inspect models on this machine (extra `[local]`)."""
