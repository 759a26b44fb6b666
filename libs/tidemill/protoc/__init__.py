"""Texts of .proto files, compiled by protoc: for calls, and to see whether there can be any."""
