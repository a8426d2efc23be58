"""Search space to verdict: sampling, budget, confirmation."""
