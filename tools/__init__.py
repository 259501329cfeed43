"""What developers run: sample runs, benchmarks, fault drills, fuzzing, and makers of files."""
