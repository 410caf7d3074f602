"""The cloud in a box: strict servers under the clouds' real names, for a program that has no test seams."""
