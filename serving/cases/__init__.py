"""What is kept of a case: who holds it, who may open it, its summary, holds and acute entries."""
