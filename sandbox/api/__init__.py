"""The door `/v1`: who may come in, what may be asked, and how it is answered."""
