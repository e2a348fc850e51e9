"""What is wrong and how it is mended: the circuit breaker, the doctor, alerts."""
