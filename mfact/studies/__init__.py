"""What is asked of matrices and runs beside solving."""
