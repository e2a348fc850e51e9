"""Operations: alerts, the circuit breaker, event log retention, and the doctor."""
