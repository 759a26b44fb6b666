"""Large JSON texts, kept beside what refers to them (claim check), under the execution that has them."""
