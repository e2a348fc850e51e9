"""What the project is told from outside: environment variables, account files, their secrets."""
