"""What is timed as a whole process, from the start of Python to the result on disk."""
