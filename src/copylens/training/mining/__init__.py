"""Descriptors of the pictures that take part in, orders of epochs whose batches hold look-alikes out."""
