"""Cases: who holds each, who may open it, its summary, legal holds and acute entries."""
