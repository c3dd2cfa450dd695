"""Jobs that the panel runs in child processes, one module each: `python -m IXGSLib.jobs.read_case` and so on."""
