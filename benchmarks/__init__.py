"""What cltool costs beside other ways to do the same work; `python -m benchmarks` lists what is measured."""
