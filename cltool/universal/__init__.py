"""Universal backbones: whole networks trained on a data set's pictures, to be frozen under a stream's heads."""
